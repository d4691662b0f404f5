'use strict';

const DETECTIONS = [
  // DetectionRepository.add and remove: a completion is detected once
  { key: { 'completions._id': 1 }, name: 'completion', unique: true },
  // DetectionRepository.remove: the pages of a lease
  { key: { lease: 1 }, name: 'lease' },
  // DetectionRepository.claimAbandoned: pages whose lease has passed
  { key: { leaseUntil: 1 }, name: 'abandoned' },
];

const CHANNELS = { flow: 'flow-trigger', surveys: 'survey-trigger', analysis: 'analysis' };

/** Pages tell only where deliveries go; before them they stood there whole. */
function newDelivery(destination) {
  const [kind, integrationId] = destination.split(':');
  const of = integrationId === undefined ? {} : { integrationId: Number(integrationId) };
  const channel = CHANNELS[kind] ?? 'webhook';
  return { destination, channel, ...of, state: 'owed', claims: 1, attempts: 0, log: [] };
}

/**
 * Detected completions have a collection of their own, page by page. What a replica of an older version detects
 * afterwards would be found by nobody: stop those first.
 */
exports.up = async (db) => {
  const detections = db.collection('detections');
  const completions = db.collection('completions');
  await detections.createIndexes(DETECTIONS);
  for await (const completion of completions.find({ state: 'detected' })) {
    const { _id, lease, leaseUntil } = completion;
    const moved = await detections.findOne({ 'completions._id': _id }, { projection: { _id: 1 } });
    if (!moved) await detections.insertOne({ lease, leaseUntil, completions: [completion] });
    await completions.deleteOne({ _id, state: 'detected' });
  }
  await completions.dropIndex('abandoned').catch(() => undefined);
};

exports.down = async (db) => {
  const detections = db.collection('detections');
  const completions = db.collection('completions');
  // what 0001 says of it
  const abandoned = { name: 'abandoned', partialFilterExpression: { open: true, state: 'detected' } };
  await completions.createIndex({ leaseUntil: 1 }, abandoned);
  for await (const page of detections.find()) {
    const { lease, leaseUntil } = page;
    for (const { _id, destinations = [], ...rest } of page.completions) {
      const deliveries = destinations.map(newDelivery);
      const whole = { state: 'detected', open: true, deliveries, ...rest, lease, leaseUntil };
      await completions.updateOne({ _id }, { $setOnInsert: whole }, { upsert: true });
    }
    await detections.deleteOne({ _id: page._id });
  }
  await detections.dropIndexes().catch(() => undefined);
};
