import type { Service } from './contracts.js';
import { CoreSimulator } from './core-simulator.js';
import { EventPublisherSimulator } from './event-publisher-simulator.js';
import type { Fault } from './fault-plan.js';
import { NlpSimulator } from './nlp-simulator.js';
import { CORE_TOKEN } from '../planted-secrets.js';
import type { SimulatedServer } from './simulated-server.js';

/** hbf-core, hbf-event-publisher and hbf-nlp on ports of their own. */
export class PlatformSimulator {
  readonly core = new CoreSimulator(CORE_TOKEN);
  readonly publisher = new EventPublisherSimulator(CORE_TOKEN);
  readonly nlp = new NlpSimulator(CORE_TOKEN, this.core.pipelines);

  static async start(): Promise<PlatformSimulator> {
    const platform = new PlatformSimulator();
    await Promise.all(platform.servers.map((server) => server.listen()));
    return platform;
  }

  get servers(): SimulatedServer[] {
    return [this.core.server, this.publisher.server, this.nlp.server];
  }

  /** What the service asked that no contract knows, over all three. */
  get violations(): string[] {
    return this.servers.flatMap((server) => server.violations);
  }

  /** The variables that point the service at this platform. */
  get environment(): Record<string, string> {
    return {
      CORE_URL: this.core.server.url,
      EVENT_PUBLISHER_URL: this.publisher.server.url,
      NLP_URL: this.nlp.server.url,
      CORE_TOKEN,
    };
  }

  /** Makes requests to one of the services go wrong; the answer takes the fault away again. */
  fault({ service, ...fault }: Fault & { service: Service }): () => void {
    const byName: Record<Service, SimulatedServer> = {
      'hbf-core': this.core.server,
      'hbf-event-publisher': this.publisher.server,
      'hbf-nlp': this.nlp.server,
    };
    return byName[service].fault(fault);
  }

  clearFaults(): void {
    for (const server of this.servers) server.clearFaults();
  }

  async stop(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.stop()));
  }
}
