import { ApiProperty } from '@nestjs/swagger';
import type { CircuitState } from '../completions/circuit-states.js';

/** The circuit breaker of a destination, the same from every replica. */
export class CircuitResource implements CircuitState {
  @ApiProperty({
    enum: ['closed', 'open'],
    description:
      'closed: deliveries are sent as they fall due. open: after failures in a row none is sent but a probe now and then, until one succeeds',
  })
  state: 'closed' | 'open';

  @ApiProperty({
    description: 'Failures in a row: while open, those that opened it and of its probes since; while closed, of one replica lately', // prettier-ignore
    example: 5,
  })
  failures: number;

  @ApiProperty({
    required: false,
    type: String,
    format: 'date-time',
    description:
      'While open: from then on the next delivery that is due is sent as the probe; absent while a probe is under way. A retry, a recovery, a test that succeeds, and a change of the URL or of a header set it to now',
  })
  nextProbeAt?: Date;

  @ApiProperty({
    required: false,
    description: 'How many attempts at once the destination was found to take: the largest number of any replica in the last ten seconds; absent when nothing was attempted', // prettier-ignore
    example: 8,
  })
  limit?: number;
}
