import { ApiProperty } from '@nestjs/swagger';
import type { ExpiryThreshold } from '../sessions/expiry-policy.js';

export class TenantResource {
  @ApiProperty({ example: '66f1c0de9b1d8a0012345678' })
  id: string;

  @ApiProperty({ required: false, description: 'Absent where hbf-core has none', example: 'Athena cards' })
  displayName?: string;

  @ApiProperty({ description: 'Seconds of inactivity after which its sessions end', example: 1800 })
  thresholdSeconds: number;

  @ApiProperty({
    enum: ['tenant-threshold', 'default-threshold'],
    description:
      'tenant-threshold: the tenant has set it. default-threshold: it has not, or its settings cannot be read; ' +
      'BOT_EXPIRE_CONVERSATION_AFTER_DEFAULT_VALUE is used',
    example: 'tenant-threshold',
  })
  rule: ExpiryThreshold['rule'];
}
