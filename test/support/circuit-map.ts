import { type Circuit, closedCircuit } from '../../src/deliveries/dispatch/circuit.js';
import { Circuits } from '../../src/deliveries/dispatch/circuits.js';
import { stubOf } from './stub.js';

/** Circuits as a test sets them: nothing that is attempted changes them. */
export class CircuitMap {
  private readonly circuits = new Map<string, Circuit>();

  readonly asCircuits = stubOf(Circuits, {
    of: (destination) => this.of(destination),
    note: () => undefined,
    forget: (destination) => void this.circuits.delete(destination),
  });

  of(destination: string): Circuit {
    return this.circuits.get(destination) ?? closedCircuit();
  }

  set(destination: string, circuit: Circuit): void {
    this.circuits.set(destination, circuit);
  }
}
