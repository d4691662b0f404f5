import { Schema } from 'mongoose';
import { schemaOptions } from '../persistence/schema-options.js';
import type { Completion, LeftOut } from './completion.js';
import type { AttemptRecord, Delivery, Missing, RedeliveryRecord, SurveyPart } from './delivery.js';

/** The model's name, for `@InjectModel`. */
export const COMPLETION = 'Completion';
/** Holds every completion with a pending delivery, and only those. */
export const DUE_INDEX = 'deliveries-due';
/** Holds every completion with a delivery that is claimed, and only those. */
export const HELD_INDEX = 'deliveries-held';
/** The deliveries of one destination, by state and time. */
export const DESTINATION_INDEX = 'destination-states';
/** What is not delivered, by list and time: of an organization, of a tenant, of an organization's tenant, of all. */
export const ORGANIZATION_LISTS = 'organization-lists';
export const TENANT_LISTS = 'tenant-lists';
export const ORGANIZATION_TENANT_LISTS = 'organization-tenant-lists';
export const ALL_LISTS = 'all-lists';
/** The revisions of one session. */
export const SESSION_INDEX = 'session';
/** The sessions of one organization, by id. */
export const ORGANIZATION_SESSIONS = 'organization-sessions';
/** The deliveries that one request has made due again, and only those. */
export const REDELIVERY_INDEX = 'redelivery';
/** Holds every delivery that is pending and was not attempted yet, and only those. */
export const UNTRIED_INDEX = 'deliveries-untried';

const attempt = new Schema<AttemptRecord>(
  {
    at: { type: Date, required: true },
    result: { type: String, required: true },
    statusCode: Number,
    code: String,
    durationMs: { type: Number, required: true },
  },
  { _id: false },
);

export const missingSchema = new Schema<Missing>(
  { since: { type: Date, required: true }, times: { type: Number, required: true } },
  { _id: false },
);

const surveyPart = new Schema<SurveyPart>(
  {
    surveyId: { type: String, required: true },
    state: { type: String, required: true },
    attempts: { type: Number, required: true },
    timeouts: Number,
    reason: String,
  },
  { _id: false },
);

const redelivery = new Schema<RedeliveryRecord>(
  { id: { type: String, required: true }, at: { type: Date, required: true }, by: { type: String, required: true } },
  { _id: false },
);

const delivery = new Schema<Delivery>(
  {
    destination: { type: String, required: true },
    state: { type: String, required: true },
    untried: String,
    listed: { type: [String], default: undefined },
    dueAt: Date,
    token: String,
    claims: { type: Number, required: true },
    aloneRuns: Number,
    attempts: { type: Number, required: true },
    timeouts: Number,
    retriedFrom: Number,
    redeliveries: { type: [redelivery], default: undefined },
    lastStatus: Number,
    lastError: String,
    missing: { type: missingSchema, default: undefined },
    at: Date,
    reason: String,
    log: { type: [attempt], required: true },
    parts: { type: [surveyPart], default: undefined },
  },
  { _id: false },
);

export const leftOutSchema = new Schema<LeftOut>(
  { integrationId: { type: Number, required: true }, reason: { type: String, required: true } },
  { _id: false },
);

export const completionSchema = new Schema<Completion>(
  {
    _id: { type: String, required: true },
    sessionId: { type: String, required: true },
    revision: { type: Number, required: true },
    organizationId: { type: String, required: true },
    tenantId: { type: String, required: true },
    open: { type: Boolean, required: true },
    rule: { type: String, required: true },
    thresholdSeconds: { type: Number, required: true },
    lastInteraction: { type: Date, required: true },
    lastSignOfLife: Date,
    foundAt: { type: Date, required: true },
    completedAt: { type: Date, required: true },
    deliveries: { type: [delivery], required: true },
    leftOut: { type: [leftOutSchema], required: true },
  },
  { ...schemaOptions, collection: 'completions' },
);

// CompletionRepository.claimDue, earliestDue and the backlog: due deliveries of one destination, the oldest first.
// Partial, so that completions in which nothing is pending are never scanned.
completionSchema.index(
  { 'deliveries.destination': 1, 'deliveries.dueAt': 1 },
  { name: DUE_INDEX, partialFilterExpression: { open: true } },
);
// CompletionRepository.claimedBy: what one start of the service has claimed, by the beginning of its tokens
completionSchema.index(
  { 'deliveries.token': 1 },
  { name: HELD_INDEX, partialFilterExpression: { open: true, 'deliveries.token': { $exists: true } } },
);
// CompletionRepository.countUntried: a destination's backlog, from the index alone. Sparse: most are delivered at once.
completionSchema.index({ 'deliveries.untried': 1 }, { name: UNTRIED_INDEX, sparse: true });
// CompletionRepository.latestOf and DeliveryHistory.ofSession: what happened to one session
completionSchema.index({ sessionId: 1, revision: -1 }, { name: SESSION_INDEX });
// SessionSearch.byPrefix: an organization's sessions by the beginning of their ids, however many others have
completionSchema.index({ organizationId: 1, sessionId: 1, revision: -1 }, { name: ORGANIZATION_SESSIONS });
// CompletionRepository.purge: finished ones by age
completionSchema.index({ completedAt: 1 }, { name: 'finished', partialFilterExpression: { open: false } });
// DeliveryHistory.list: a destination's deliveries by state, the newest first
completionSchema.index(
  { 'deliveries.destination': 1, 'deliveries.state': 1, foundAt: -1, _id: -1 },
  { name: DESTINATION_INDEX },
);
// The three lists are partial, so that they cost nothing where all goes well.
const NOT_DELIVERED = { partialFilterExpression: { 'deliveries.listed': { $exists: true } } };
// DeliveryHistory.list: what an organization has that is not delivered, by state and by state and channel, the newest first
completionSchema.index(
  { organizationId: 1, 'deliveries.listed': 1, foundAt: -1, _id: -1 },
  { name: ORGANIZATION_LISTS, ...NOT_DELIVERED },
);
// DeliveryHistory.list: the same of one of its tenants, so that another organization's tenant costs nothing
completionSchema.index(
  { organizationId: 1, tenantId: 1, 'deliveries.listed': 1, foundAt: -1, _id: -1 },
  { name: ORGANIZATION_TENANT_LISTS, ...NOT_DELIVERED },
);
// DeliveryHistory.list: the same of a tenant, for moderators
completionSchema.index(
  { tenantId: 1, 'deliveries.listed': 1, foundAt: -1, _id: -1 },
  { name: TENANT_LISTS, ...NOT_DELIVERED },
);
// DeliveryHistory.list: the same of all, for moderators
completionSchema.index({ 'deliveries.listed': 1, foundAt: -1, _id: -1 }, { name: ALL_LISTS, ...NOT_DELIVERED });
// DeliveryHistory.countRedelivered: what came of one request to send again. Sparse: most are never sent again.
completionSchema.index({ 'deliveries.redeliveries.id': 1 }, { name: REDELIVERY_INDEX, sparse: true });
