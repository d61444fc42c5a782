// Adds jobs one at a time at random moments: the row first, then the job, as an application would.
// Ids come on standard input; prints each with the second at which its adding began.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import pg from 'pg';

const queue = new Queue('bench', { connection: new Redis(process.env.REDIS_URL, { maxRetriesPerRequest: null }) });
const pool = new pg.Pool({ connectionString: process.env.DSN, max: 1 });
const insert = { name: 'insert', text: 'INSERT INTO jobs (id, payload) VALUES ($1, $2)' };
await queue.waitUntilReady();
for (const id of readFileSync(0, 'utf8').split('\n').filter(Boolean)) {
  await sleep(20 + 40 * Math.random());
  const began = Date.now() / 1000;
  await pool.query({ ...insert, values: [id, '{}'] });
  await queue.add('echo', { id });
  console.log(`${id} ${began}`);
}
await queue.close();
await pool.end();
process.exit(0);
