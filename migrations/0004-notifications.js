'use strict';

const MAILS = [
  // claim: the mail that has been due for longest; a topic with nothing owed has no dueAt
  { key: { dueAt: 1 }, name: 'due', partialFilterExpression: { dueAt: { $exists: true } } },
  // the purge of topics without a change for seven days
  { key: { changedAt: 1 }, name: 'changed' },
];

exports.up = async (db) => {
  await db.collection('mails').createIndexes(MAILS);
};

exports.down = async (db) => {
  await db.collection('mails').dropIndexes();
};
