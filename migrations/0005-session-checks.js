'use strict';

const CHECKS = [
  // CheckHistory.list and trim: the newest hundred
  { key: { startedAt: -1 }, name: 'newest' },
];

exports.up = async (db) => {
  await db.collection('session-checks').createIndexes(CHECKS);
};

exports.down = async (db) => {
  await db
    .collection('session-checks')
    .dropIndexes()
    .catch(() => undefined);
};
