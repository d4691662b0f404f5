/** How many deliveries of an integration wait to be sent; the deliveries feature provides the answer. */
export abstract class WaitingDeliveries {
  /** Counts the deliveries of the integration that are neither delivered nor given up. */
  abstract countFor(integrationId: number): Promise<number>;
}
