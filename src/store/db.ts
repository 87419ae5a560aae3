/**
 * The database behind one interface: PGlite in this process, or PostgreSQL. Both speak the same SQL and pass the same
 * tests. A query is text with $1…$n and values; a transaction gets a `Tx` and commits when its function returns.
 * PGlite has one connection: queries and transactions queue for it, in order. On PostgreSQL the transactions of one process queue
 * likewise, as SERIALIZABLE ones that touch the same rows would only fail each other. Bounds: QUEUE_MAX waiting callers.
 */
import { existsSync, mkdirSync } from "node:fs";
import { PGlite } from "@electric-sql/pglite";
import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import { Fault } from "../contract/fault.ts";

export type Row = Record<string, unknown>;

/** What query functions of this room take: the database, or a transaction in it. */
export interface Queryable {
  query<R extends object = Row>(text: string, values?: readonly unknown[]): Promise<R[]>;
}
export type Tx = Queryable & { readonly inTransaction: true };

/** `inLine: false` is for a transaction that only holds a lock while its work runs transactions of its own (PostgreSQL). */
export type TransactionOptions = { readonly inLine: boolean };

export interface Db extends Queryable {
  readonly kind: "pglite" | "postgresql";
  /**
   * Runs `work` in one transaction, SERIALIZABLE, after those that were asked for earlier. Serialization failures, which
   * another process causes, are retried RETRIES_MAX times; then it is Fault limit.full.
   */
  transaction<T>(work: (tx: Tx) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /** Several statements without values, for migrations. */
  script(text: string): Promise<void>;
  /** For libraries that bring their own queries (sign-in). Shares the connection and its queue. */
  kysely(): Kysely<Record<string, never>>;
  close(): Promise<void>;
}

const QUEUE_MAX = 1000;
const RETRIES_MAX = 8;
/** Doubled after each retry: 8 tries take at most 1.3 s of waiting. */
const RETRY_AFTER_MS = 10;
const POOL_CONNECTIONS_MAX = 10;
/** disk_full, configuration_limit_exceeded (PostgreSQL, Appendix A). */
const DISK_FULL = new Set(["53100", "53400"]);
/** serialization_failure, deadlock_detected (PostgreSQL, Appendix A). */
const RETRYABLE = new Set(["40001", "40P01"]);

type Connection = {
  query(
    text: string,
    values?: readonly unknown[],
  ): Promise<{ rows: Row[]; rowCount: number; command: string }>;
  release(): void;
};
type Pool = { connect(): Promise<Connection>; end(): Promise<void> };

/** Opens the database at `url`: "" or a folder means PGlite below `dataDir`, "postgres://…" a server. */
export async function openDb(options: { readonly url: string; readonly dataDir: string }): Promise<Db> {
  if (options.url === "") return openPglite(options.dataDir);
  if (/^postgres(ql)?:\/\//.test(options.url)) return openPostgres(options.url);
  throw new Fault(
    "input.invalid",
    `Cannot open the database "${options.url.slice(0, 40)}": set databaseUrl to "" or to a postgres:// address`,
  );
}

const busy = (cause?: unknown): Fault =>
  new Fault("limit.full", "Cannot reach the database as too many requests wait for it: try again", {
    retryAfterMs: 1000,
    cause,
  });

/** A line that lets one caller in at a time, in order. Resolves with what the caller has to call when they leave. */
function createLine(): () => Promise<() => void> {
  let tail: Promise<void> = Promise.resolve();
  let waiting = 0;
  return async () => {
    if (waiting >= QUEUE_MAX) throw busy();
    waiting += 1;
    const turn = tail;
    const { promise, resolve } = Promise.withResolvers<void>();
    tail = promise;
    await turn;
    return () => {
      waiting -= 1;
      resolve();
    };
  };
}

async function openPglite(dataDir: string): Promise<Db> {
  const folder = `${dataDir}/database`;
  if (!existsSync(dataDir)) mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const lite = await PGlite.create(folder);
  const line = createLine();
  const pool: Pool = {
    async connect() {
      const release = await line();
      return {
        async query(text, values = []) {
          const result = await lite.query<Row>(text, [...values]);
          return {
            rows: result.rows,
            rowCount: result.affectedRows ?? result.rows.length,
            command: text.trimStart().slice(0, 6).toUpperCase(),
          };
        },
        release,
      };
    },
    end: () => lite.close(),
  };
  const db = databaseOver(pool, "pglite");
  return {
    ...db,
    async script(text) {
      const connection = await pool.connect();
      try {
        await lite.exec(text);
      } finally {
        connection.release();
      }
    },
  };
}

async function openPostgres(url: string): Promise<Db> {
  const server = new pg.Pool({
    connectionString: url,
    max: POOL_CONNECTIONS_MAX,
    connectionTimeoutMillis: 5000,
  });
  server.on("error", () => undefined); // An idle connection that died is replaced at its next use.
  // One that dies while it is in use fails the queries on it; without a listener it would end the whole process as well.
  server.on("connect", (client) => client.on("error", () => undefined));
  const pool: Pool = {
    async connect() {
      const client = await server.connect();
      return {
        async query(text, values = []) {
          const result = await client.query<Row>(text, [...values]);
          return { rows: result.rows, rowCount: result.rowCount ?? 0, command: result.command };
        },
        release: () => client.release(),
      };
    },
    end: () => server.end(),
  };
  try {
    const connection = await pool.connect();
    connection.release();
  } catch (cause) {
    await server.end();
    throw new Fault(
      "machine.incomplete",
      "Cannot reach PostgreSQL at databaseUrl: check that it runs and accepts this user",
      {
        cause,
      },
    );
  }
  const db = databaseOver(pool, "postgresql");
  return {
    ...db,
    async script(text) {
      const connection = await server.connect();
      try {
        await connection.query(text);
      } finally {
        connection.release();
      }
    },
  };
}

/** The one failure of the database that its operator can mend while it happens. Everything else passes as it is. */
function explained(error: unknown): unknown {
  if (!DISK_FULL.has((error as { code?: string }).code ?? "")) return error;
  return new Fault(
    "limit.full",
    "Cannot store this as the disk under the data folder is full: nothing was half done, so free some space and try again",
    { cause: error },
  );
}

function databaseOver(pool: Pool, kind: Db["kind"]): Omit<Db, "script"> {
  const dialect = new PostgresDialect({ pool: pool as never });
  const kysely = new Kysely<Record<string, never>>({ dialect });
  // PGlite's connections stand in a line of their own already.
  const line = kind === "pglite" ? async () => () => undefined : createLine();

  const tryOnce = async <T>(work: (tx: Tx) => Promise<T>): Promise<T> => {
    const connection = await pool.connect();
    try {
      await connection.query("begin isolation level serializable");
      const result = await work({
        inTransaction: true,
        async query<R extends object>(text: string, values: readonly unknown[] = []): Promise<R[]> {
          return (await connection.query(text, values)).rows as R[];
        },
      });
      await connection.query("commit");
      return result;
    } catch (error) {
      await connection.query("rollback").catch(() => undefined);
      throw error;
    } finally {
      connection.release();
    }
  };

  return {
    kind,
    async query<R extends object>(text: string, values: readonly unknown[] = []): Promise<R[]> {
      const connection = await pool.connect();
      try {
        return (await connection.query(text, values)).rows as R[];
      } catch (error) {
        throw explained(error);
      } finally {
        connection.release();
      }
    },
    async transaction(work, options = { inLine: true }) {
      const leave = options.inLine ? await line() : () => undefined;
      try {
        for (let attempt = 1; ; attempt++) {
          try {
            return await tryOnce(work);
          } catch (error) {
            if (!RETRYABLE.has((error as { code?: string }).code ?? "")) throw explained(error);
            if (attempt >= RETRIES_MAX) throw busy(error);
          }
          await new Promise((resolve) => setTimeout(resolve, RETRY_AFTER_MS * 2 ** (attempt - 1)));
        }
      } finally {
        leave();
      }
    },
    kysely: () => kysely,
    close: () => pool.end(),
  };
}
