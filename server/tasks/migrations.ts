import { sql, type AlterTableBuilder, type Kysely, type Migration } from 'kysely';

/** In order of their names; a released migration is never edited, a change is a new one. */
export const migrations: Record<string, Migration> = {
  '0001-tasks': {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .createTable('tasks')
        .addColumn('id', 'varchar(32)', (c) => c.primaryKey())
        .addColumn('created_at', 'bigint', (c) => c.notNull())
        .addColumn('status', 'varchar(16)', (c) => c.notNull())
        .addColumn('stage', 'varchar(16)')
        .addColumn('step', 'integer')
        .addColumn('steps', 'integer')
        .addColumn('progress', 'double precision', (c) => c.notNull().defaultTo(0))
        .addColumn('started_at', 'bigint')
        .addColumn('ended_at', 'bigint')
        .addColumn('crashes', 'integer', (c) => c.notNull().defaultTo(0))
        .addColumn('placeholder', 'integer', (c) => c.notNull().defaultTo(0))
        .addColumn('model', 'text', (c) => c.notNull())
        .addColumn('source', 'text', (c) => c.notNull())
        .addColumn('params', 'text', (c) => c.notNull())
        .addColumn('warnings', 'text', (c) => c.notNull())
        .addColumn('error', 'text')
        .addColumn('result', 'text')
        .execute();
      await db.schema.createIndex('tasks_by_age').unique().on('tasks').column('created_at').execute();
      await db.schema.createIndex('tasks_by_status').on('tasks').columns(['status', 'created_at']).execute();
    },
  },
  '0002-idempotency-keys': {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .createTable('idempotency_keys')
        .addColumn('key', 'varchar(255)', (c) => c.primaryKey())
        .addColumn('fingerprint', 'varchar(64)', (c) => c.notNull())
        .addColumn('task_id', 'varchar(32)', (c) => c.notNull())
        .addColumn('created_at', 'bigint', (c) => c.notNull())
        .execute();
      await db.schema
        .createIndex('idempotency_keys_by_age')
        .on('idempotency_keys')
        .column('created_at')
        .execute();
    },
  },
  '0003-webhooks': {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema.alterTable('tasks').addColumn('webhook', 'text').execute();
      await createWebhookMessages(db);
    },
  },
  '0004-origins': {
    async up(db: Kysely<unknown>): Promise<void> {
      const table = (): AlterTableBuilder => db.schema.alterTable('tasks');
      // One after the other: SQLite adds one column in a statement.
      await table()
        .addColumn('kind', 'varchar(16)', (c) => c.notNull().defaultTo('clip'))
        .execute();
      await table()
        .addColumn('api', 'varchar(16)', (c) => c.notNull().defaultTo('tasks'))
        .execute();
      await table().addColumn('external_id', 'varchar(255)').execute();
      await table().addColumn('request', 'text').execute();
      await table()
        .addColumn('owner', 'varchar(64)', (c) => c.notNull().defaultTo(''))
        .execute();
      await table().addColumn('expires_at', 'bigint').execute();
      await db.schema
        .createIndex('tasks_by_external_id')
        .unique()
        .on('tasks')
        .columns(['api', 'owner', 'external_id'])
        .execute();
      await db.schema.createIndex('tasks_by_expiry').on('tasks').column('expires_at').execute();
      await db.schema.createIndex('tasks_by_owner').on('tasks').columns(['owner', 'created_at']).execute();
    },
  },
  '0005-key-owners': {
    async up(db: Kysely<unknown>): Promise<void> {
      // A primary key cannot be changed in place.
      await db.schema.dropIndex('idempotency_keys_by_age').execute();
      await db.schema.alterTable('idempotency_keys').renameTo('ownerless_keys').execute();
      await db.schema
        .createTable('idempotency_keys')
        .addColumn('owner', 'varchar(64)', (c) => c.notNull())
        .addColumn('key', 'varchar(255)', (c) => c.notNull())
        .addColumn('fingerprint', 'varchar(64)', (c) => c.notNull())
        .addColumn('task_id', 'varchar(32)', (c) => c.notNull())
        .addColumn('created_at', 'bigint', (c) => c.notNull())
        .addPrimaryKeyConstraint('idempotency_keys_of_owner', ['owner', 'key'])
        .execute();
      await sql`INSERT INTO idempotency_keys SELECT '', key, fingerprint, task_id, created_at FROM ownerless_keys`.execute(
        db,
      );
      await db.schema.dropTable('ownerless_keys').execute();
      await db.schema
        .createIndex('idempotency_keys_by_age')
        .on('idempotency_keys')
        .column('created_at')
        .execute();
    },
  },
  '0006-attempts': {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .alterTable('tasks')
        .addColumn('attempts', 'integer', (c) => c.notNull().defaultTo(0))
        .execute();
    },
  },
};

async function createWebhookMessages(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('webhook_messages')
    .addColumn('seq', 'bigint', (c) => c.primaryKey())
    .addColumn('id', 'varchar(64)', (c) => c.notNull().unique())
    .addColumn('task_id', 'varchar(32)', (c) => c.notNull())
    .addColumn('url', 'text', (c) => c.notNull())
    .addColumn('type', 'varchar(32)', (c) => c.notNull())
    .addColumn('body', 'text', (c) => c.notNull())
    .addColumn('final', 'integer', (c) => c.notNull())
    .addColumn('attempts', 'integer', (c) => c.notNull().defaultTo(0))
    .addColumn('due_at', 'bigint', (c) => c.notNull())
    .addColumn('settled_at', 'bigint')
    .addColumn('outcome', 'varchar(32)')
    .execute();
  await db.schema
    .createIndex('webhook_messages_due')
    .on('webhook_messages')
    .columns(['settled_at', 'due_at'])
    .execute();
  await db.schema
    .createIndex('webhook_messages_of_task')
    .on('webhook_messages')
    .columns(['task_id', 'seq'])
    .execute();
}
