'use strict';

/**
 * Every index of the service, by collection. The same indexes are declared in the mongoose schemas under src/;
 * migrations.spec.ts holds one against the other. A comment above each index names the query that it serves.
 */
const INDEXES = {
  completions: [
    // CompletionRepository.claimDue, earliestDue and the backlog: due deliveries of one destination, the oldest first.
    // Partial, so that completions in which nothing is pending are never scanned.
    {
      key: { 'deliveries.destination': 1, 'deliveries.dueAt': 1 },
      name: 'deliveries-due',
      partialFilterExpression: { open: true },
    },
    // CompletionRepository.claimedBy: what one start of the service has claimed, by the beginning of its tokens
    {
      key: { 'deliveries.token': 1 },
      name: 'deliveries-held',
      partialFilterExpression: { open: true, 'deliveries.token': { $exists: true } },
    },
    // CompletionRepository.countUntried: a destination's backlog, from the index alone. Sparse: most are delivered at once.
    { key: { 'deliveries.untried': 1 }, name: 'deliveries-untried', sparse: true },
    // CompletionRepository.latestOf and DeliveryHistory.ofSession: what happened to one session
    { key: { sessionId: 1, revision: -1 }, name: 'session' },
    // SessionSearch.byPrefix: an organization's sessions by the beginning of their ids, however many others have
    { key: { organizationId: 1, sessionId: 1, revision: -1 }, name: 'organization-sessions' },
    // CompletionRepository.purge: finished ones by age
    { key: { completedAt: 1 }, name: 'finished', partialFilterExpression: { open: false } },
    // DeliveryHistory.list: a destination's deliveries by state, the newest first
    {
      key: { 'deliveries.destination': 1, 'deliveries.state': 1, foundAt: -1, _id: -1 },
      name: 'destination-states',
    },
    // DeliveryHistory.list: what an organization has that is not delivered, by state and by state and channel, the newest
    // first. The three lists are partial, so that they cost nothing where all goes well.
    {
      key: { organizationId: 1, 'deliveries.listed': 1, foundAt: -1, _id: -1 },
      name: 'organization-lists',
      partialFilterExpression: { 'deliveries.listed': { $exists: true } },
    },
    // DeliveryHistory.list: the same of one of its tenants, so that another organization's tenant costs nothing
    {
      key: { organizationId: 1, tenantId: 1, 'deliveries.listed': 1, foundAt: -1, _id: -1 },
      name: 'organization-tenant-lists',
      partialFilterExpression: { 'deliveries.listed': { $exists: true } },
    },
    // DeliveryHistory.list: the same of a tenant, for moderators
    {
      key: { tenantId: 1, 'deliveries.listed': 1, foundAt: -1, _id: -1 },
      name: 'tenant-lists',
      partialFilterExpression: { 'deliveries.listed': { $exists: true } },
    },
    // DeliveryHistory.list: the same of all, for moderators
    {
      key: { 'deliveries.listed': 1, foundAt: -1, _id: -1 },
      name: 'all-lists',
      partialFilterExpression: { 'deliveries.listed': { $exists: true } },
    },
    // DeliveryHistory.countRedelivered: what came of one request to send again. Sparse: most are never sent again.
    { key: { 'deliveries.redeliveries.id': 1 }, name: 'redelivery', sparse: true },
  ],
  intents: [
    // IntentRepository.add and remove: a completion is intended once
    { key: { 'completions._id': 1 }, name: 'completion', unique: true },
    // IntentRepository.remove, removeAll and freeOf: the intents of a lease, and of all leases of a start
    { key: { lease: 1 }, name: 'lease' },
    // IntentRepository.claimAbandoned: intents whose lease has passed
    { key: { leaseUntil: 1 }, name: 'abandoned' },
  ],
  destinations: [
    // DestinationRepository.withWork, longestDue and purgeIdle, DestinationList: which have something due, and which nothing
    { key: { nextDueAt: 1 }, name: 'next-due' },
    // DestinationRepository.countOpen and DestinationList: there are far more destinations than open circuits
    {
      key: { openUntil: 1 },
      name: 'open-circuits',
      partialFilterExpression: { openUntil: { $exists: true } },
    },
  ],
  'integration-errors': [
    // IntegrationErrorRepository.newest: an integration's errors, the newest first
    { key: { integrationId: 1, at: -1 }, name: 'integration' },
    // IntegrationErrorRepository.purge: errors by age
    { key: { at: 1 }, name: 'age' },
  ],
  integrations: [
    // TenantIntegrations.of: which integrations list a batch's tenants, of the disabled ones the newest; IntegrationCounts
    { key: { tenants: 1, enabled: 1, organizationId: 1, _id: 1 }, name: 'tenants-enabled' },
    // IntegrationRepository.list: an organization's integrations in the order of their ids
    { key: { organizationId: 1, _id: 1 }, name: 'organization' },
    // IntegrationCounts.enabledIn: how many enabled integrations an organization has, from the index alone
    { key: { organizationId: 1, enabled: 1 }, name: 'organization-enabled' },
  ],
  trainings: [
    // TrainingRepository.relevant: trainings under way, and failed ones that may be tried again
    { key: { state: 1, nextAttemptAt: 1 }, name: 'state-due' },
  ],
  mails: [
    // MailOutbox.claim: the mail that has been due for longest; a topic without an unsent mail has no dueAt
    { key: { dueAt: 1 }, name: 'due', partialFilterExpression: { dueAt: { $exists: true } } },
    // MailOutbox.purge: topics without a change for seven days
    { key: { changedAt: 1 }, name: 'changed' },
  ],
  redeliveries: [
    // RedeliveryRepository.running: those that are not done
    { key: { at: 1 }, name: 'running', partialFilterExpression: { state: 'running' } },
    // RedeliveryRepository.list: an organization's, or an integration's, the newest first
    { key: { organizationId: 1, at: -1 }, name: 'organization' },
    // RedeliveryRepository.purge and the list of all: by age
    { key: { at: -1 }, name: 'age' },
  ],
  'session-checks': [
    // CheckHistory: the newest, those since a time, and those that are a week old
    { key: { startedAt: -1 }, name: 'newest' },
  ],
};

module.exports = {
  /** Can be repeated: a crash in the middle is mended by the next start. */
  async up(db) {
    for (const [name, indexes] of Object.entries(INDEXES)) await db.collection(name).createIndexes(indexes);
  },

  async down(db) {
    for (const name of Object.keys(INDEXES)) {
      await db
        .collection(name)
        .dropIndexes()
        .catch(() => undefined); // the collection is not there
    }
  },
};
