// Adds the jobs of one lap. Ids come on standard input, one per line; their rows exist already.
// With BACKEND=postgres the jobs live in BullMQ's own Postgres tables and the numbers are the payloads.
import { readFileSync } from 'node:fs';
import { Queue, createPostgresBackend } from 'bullmq';
import { Redis } from 'ioredis';

const own = process.env.BACKEND === 'postgres';
const queue = own
  ? new Queue('bench', { connection: { connectionString: process.env.DSN, migrate: true } }, createPostgresBackend)
  : new Queue('bench', { connection: new Redis(process.env.REDIS_URL, { maxRetriesPerRequest: null }) });
await queue.waitUntilReady();
const ids = readFileSync(0, 'utf8').split('\n').filter(Boolean);
for (let from = 0; from < ids.length; from += 1000) {
  const page = ids.slice(from, from + 1000);
  await queue.addBulk(page.map((id, number) => ({ name: 'echo', data: { id, number: from + number } })));
}
await queue.close();
process.exit(0);
