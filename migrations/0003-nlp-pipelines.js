/** Indexes of the trainings of NLP pipelines. */
module.exports = {
  async up(db) {
    await db.collection('trainings').createIndexes([
      // TrainingRepository.relevant: trainings under way, and failed ones that may be tried again
      { key: { state: 1, nextAttemptAt: 1 }, name: 'state-due' },
    ]);
  },

  async down(db) {
    await db
      .collection('trainings')
      .dropIndexes()
      .catch(() => undefined);
  },
};
