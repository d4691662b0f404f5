/**
 * Indexes of the deliveries room. Partial on `open: true`, so that history never slows a claim; and on `completed`, so
 * that a completion whose first attempts all succeed never enters the lanes' index, and the admins' one only once.
 */
module.exports = {
  async up(db) {
    await db.collection('completions').createIndexes([
      // CompletionRepository.claimDue and earliestDue: the oldest due deliveries of one destination
      {
        key: { 'deliveries.destination': 1, 'deliveries.dueAt': 1 },
        name: 'deliveries-due',
        partialFilterExpression: { open: true, state: 'completed' },
      },
      // CompletionRepository.claimAbandoned: detected completions whose lease has passed
      { key: { leaseUntil: 1 }, name: 'abandoned', partialFilterExpression: { open: true, state: 'detected' } },
      // CompletionRepository.latestOf and "what happened to session X"
      { key: { sessionId: 1, revision: -1 }, name: 'session' },
      // CompletionRepository.purge: finished ones by age
      { key: { completedAt: 1 }, name: 'finished', partialFilterExpression: { open: false } },
      // DeliveryHistory.list and Resending.recover: an integration's deliveries by state, newest first
      {
        key: { 'deliveries.integrationId': 1, 'deliveries.state': 1, detectedAt: -1, _id: -1 },
        name: 'integration-states',
        partialFilterExpression: { state: 'completed' },
      },
    ]);
    // DestinationRepository.withWork: which lanes have something due
    await db.collection('destinations').createIndexes([{ key: { nextDueAt: 1 }, name: 'next-due' }]);
    await db.collection('integration-errors').createIndexes([
      // an integration's errors, newest first
      { key: { integrationId: 1, at: -1 }, name: 'integration' },
      // IntegrationErrorRepository.purge: errors by age
      { key: { at: 1 }, name: 'age' },
    ]);
  },

  async down(db) {
    for (const name of ['completions', 'destinations', 'integration-errors']) {
      await db
        .collection(name)
        .dropIndexes()
        .catch(() => undefined);
    }
  },
};
