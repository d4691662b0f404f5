import { dateTime, type Fields, objects, type Structure, text } from './field.js';

export const QUESTION: Structure = {
  name: 'SurveyQuestion',
  about: 'A question of a survey, and what was answered.',
  fields: {
    questionId: text('The question'),
    question: text('What was asked'),
    answer: text('What was answered'),
    sourceActivityName: text('The activity of the bot that asked'),
  },
};

/** SurveyDto of hbf-core without its session, which publicSession copies. */
export const SURVEY_FIELDS: Fields = {
  id: text('The survey', { absent: undefined, nullable: false }),
  session: text('The session that it belongs to: its uuid, or its id in the database of hbf-core'),
  subscriber: text('Who answered'),
  type: text('What kind of survey it is', { known: ['INTERVIEW', 'LIVECHAT', 'USER_FEEDBACK'] }),
  questions: objects(QUESTION, 'Its questions; empty if there is none', { absent: undefined }),
  createdAt: dateTime('When it was made'),
  updatedAt: dateTime('When it last changed'),
};
