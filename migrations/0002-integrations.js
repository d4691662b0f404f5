/** Indexes of the integrations. Those of `integration-errors` are made with the deliveries'. */
module.exports = {
  async up(db) {
    await db.collection('integrations').createIndexes([
      // IntegrationRepository.enabledForTenants: which enabled integrations list a page's tenants
      { key: { tenants: 1, enabled: 1 }, name: 'tenants-enabled' },
      // IntegrationRepository.list: an organization's integrations in the order of their ids
      { key: { organizationId: 1, _id: 1 }, name: 'organization' },
    ]);
  },

  async down(db) {
    await db
      .collection('integrations')
      .dropIndexes()
      .catch(() => undefined);
  },
};
