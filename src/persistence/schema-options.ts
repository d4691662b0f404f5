import type { SchemaOptions } from 'mongoose';

/**
 * The options that all schemas share; each adds the name of its `collection`.
 *
 * A schema file holds one collection: the type of its documents, the name of its model, the schema, and the schema's
 * indexes, each below a comment that names the query it serves. The room's module registers the model
 * (`MongooseModule.forFeature([{ name, schema }])`) and its repository takes it by `@InjectModel(name)`.
 * Declaring an index does not make it: migrations/ does, and migrations.spec.ts holds both against each other.
 *
 * A repository goes through the model, or through `nativeCollection(model)` where that says why.
 */
export const schemaOptions = {
  versionKey: false,
  strict: 'throw', // a field that no schema knows is an error of ours, and is not dropped in silence
  minimize: false, // an empty object is stored as one
  autoIndex: false, // indexes are made in migrations/
  autoCreate: false,
  bufferCommands: false, // without a connection a command fails at once and does not wait in memory
} as const satisfies SchemaOptions;
