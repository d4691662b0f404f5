import { stubOf } from '../../test/support/stub.js';
import { IntegrationChanges } from './integration-changes.js';
import { IntegrationRepository } from './integration.repository.js';
import type { Integration } from './integration.schema.js';
import { PresentIntegrations } from './present-integrations.js';

/** A database that any replica changes, and this process' view of it. */
class World {
  readonly stored = new Map<number, string>([[1, 'https://old.test/']]);
  version = 1;
  settled = true;
  away = false;
  looks = 0;
  reads: number[][] = [];
  /** Called in the middle of the next read, after the database has answered. */
  meanwhile?: () => void;
  private tell: () => void = () => undefined;
  readonly present = new PresentIntegrations(
    stubOf(IntegrationChanges, {
      listen: (listener) => void (this.tell = listener),
      read: () => this.look(),
    }),
    stubOf(IntegrationRepository, { findByIds: (ids) => this.read(ids) }),
  );

  changeHere(url: string | undefined): void {
    this.changeElsewhere(url);
    this.tell();
  }

  changeElsewhere(url: string | undefined): void {
    if (url === undefined) this.stored.delete(1);
    else this.stored.set(1, url);
    this.version++;
  }

  async url(id = 1): Promise<string | undefined> {
    return (await this.present.find(id))?.url;
  }

  private look(): Promise<{ version: number; settled: boolean }> {
    this.looks++;
    if (this.away) return Promise.reject(new Error('the database is away'));
    return Promise.resolve({ version: this.version, settled: this.settled });
  }

  private async read(ids: readonly number[]): Promise<Integration[]> {
    this.reads.push([...ids]);
    const found = ids.flatMap((id) => (this.stored.has(id) ? [{ id, url: this.stored.get(id)! } as Integration] : []));
    await Promise.resolve();
    this.meanwhile?.();
    this.meanwhile = undefined;
    return found;
  }
}

describe('PresentIntegrations', () => {
  let world: World;

  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
    world = new World();
  });
  afterEach(() => jest.useRealTimers());

  it('reads an integration once while its version stays, and those of one turn together', async () => {
    world.stored.set(2, 'https://two.test/');
    expect(await Promise.all([world.url(1), world.url(2), world.url(1)])).toEqual(['https://old.test/', 'https://two.test/', 'https://old.test/']); // prettier-ignore
    for (let second = 0; second < 20; second++) {
      await world.url();
      jest.advanceTimersByTime(1_000);
    }
    expect(world.reads).toEqual([[1, 2]]);
    expect(world.looks).toBeLessThanOrEqual(10);
  });

  it('looks at nothing while nobody asks', async () => {
    await world.url();
    jest.advanceTimersByTime(3_600_000);
    expect(world.looks).toBe(1);
  });

  it('follows a change of this process at once, also one that comes while it is read', async () => {
    await world.url();
    world.changeHere('https://new.test/');
    expect(await world.url()).toBe('https://new.test/');
    world.changeHere('https://third.test/');
    world.meanwhile = () => world.changeHere(undefined);
    expect(await world.url()).toBeUndefined();
  });

  it("follows another replica's change within five seconds", async () => {
    await world.url();
    world.changeElsewhere('https://new.test/');
    jest.advanceTimersByTime(4_999);
    expect(await world.url()).toBe('https://new.test/');
    world.changeElsewhere(undefined);
    jest.advanceTimersByTime(2_100);
    await world.url(); // looks in the background
    await new Promise((done) => setImmediate(done));
    expect(await world.url()).toBeUndefined();
  });

  it("follows another replica's change at once when told to look again", async () => {
    await world.url();
    jest.advanceTimersByTime(2_100);
    await world.url(); // looks in the background: as of before the change
    world.changeElsewhere('https://new.test/');
    jest.advanceTimersByTime(1);
    world.present.lookAgain();
    expect(await world.url()).toBe('https://new.test/');
  });

  it('keeps nothing beyond a look while a change is being written', async () => {
    world.settled = false;
    await world.url();
    world.stored.set(1, 'https://new.test/'); // announced before, under the version that was seen
    jest.advanceTimersByTime(4_999);
    expect(await world.url()).toBe('https://new.test/');
  });

  it('answers nothing that is older where the database does not', async () => {
    await world.url();
    world.away = true;
    jest.advanceTimersByTime(3_000);
    expect(await world.url()).toBe('https://old.test/');
    jest.advanceTimersByTime(2_000);
    await expect(world.url()).rejects.toThrow('away');
  });

  it('sees within a minute what was changed in the database by hand', async () => {
    await world.url();
    world.stored.set(1, 'https://by-hand.test/');
    jest.advanceTimersByTime(60_001);
    expect(await world.url()).toBe('https://by-hand.test/');
  });
});
