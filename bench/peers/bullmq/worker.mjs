// One BullMQ worker. The processor records the start and the end of each job in Postgres and echoes the
// payload; with BACKEND=postgres BullMQ's own Postgres backend records both, and the processor only echoes.
import { Worker, createPostgresBackend } from 'bullmq';
import { Redis } from 'ioredis';
import pg from 'pg';

const concurrency = Number(process.env.CONCURRENCY);
const connections = Number(process.env.CONNECTIONS);
let worker;
if (process.env.BACKEND === 'postgres') {
  worker = new Worker('bench', async (job) => job.data,
    { connection: { connectionString: process.env.DSN, max: connections }, concurrency }, createPostgresBackend);
} else {
  const pool = new pg.Pool({ connectionString: process.env.DSN, max: connections });
  const start = { name: 'start', text: process.env.START };
  const finish = { name: 'finish', text: process.env.FINISH };
  worker = new Worker('bench', async (job) => {
    await pool.query({ ...start, values: [job.data.id] });
    const result = job.data;
    await pool.query({ ...finish, values: [job.data.id, JSON.stringify(result)] });
    return result;
  }, { connection: new Redis(process.env.REDIS_URL, { maxRetriesPerRequest: null }), concurrency });
}
worker.on('error', (error) => console.error(error));
worker.on('failed', (job, error) => { console.error(error); process.exitCode = 1; });
process.on('SIGTERM', async () => { await worker.close(); process.exit(process.exitCode ?? 0); });
