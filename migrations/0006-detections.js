'use strict';

const DETECTIONS = [
  // DetectionRepository.add and remove: a completion is detected once
  { key: { 'completions._id': 1 }, name: 'completion', unique: true },
  // DetectionRepository.remove: the pages of a lease
  { key: { lease: 1 }, name: 'lease' },
  // DetectionRepository.claimAbandoned: pages whose lease has passed
  { key: { leaseUntil: 1 }, name: 'abandoned' },
];

/** Detected completions have a collection of their own, page by page. No replica of an older version may run. */
exports.up = async (db) => {
  const detections = db.collection('detections');
  await detections.createIndexes(DETECTIONS);
  const completions = db.collection('completions');
  for await (const completion of completions.find({ state: 'detected' })) {
    const { _id, lease, leaseUntil } = completion;
    const page = { lease, leaseUntil, completions: [completion] };
    await detections.updateOne({ 'completions._id': _id }, { $setOnInsert: page }, { upsert: true });
    await completions.deleteOne({ _id, state: 'detected' });
  }
  await completions.dropIndex('abandoned').catch(() => undefined);
};

exports.down = async (db) => {
  await db
    .collection('detections')
    .dropIndexes()
    .catch(() => undefined);
};
