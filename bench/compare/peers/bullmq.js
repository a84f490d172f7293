// BullMQ's agent: node bullmq.js HOME JOB JSON; prints its findings as JSON, as agent.py does.
'use strict';
const fs = require('fs');
const path = require('path');
const { createRequire } = require('module');

const [home, job, text] = process.argv.slice(2);
const { Queue, Worker, QueueEvents, FlowProducer } = createRequire(path.join(home, 'x.js'))('bullmq');

const given = JSON.parse(text);
const stamps = process.env.REDFLOW_BENCH_STAMPS;
const { hostname, port } = new URL(process.env.REDFLOW_BENCH_URL);
const connection = { host: hostname, port: Number(port), maxRetriesPerRequest: null };
const now = () => Number(process.hrtime.bigint()) / 1e9;
const sleep = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));
const WARM_UP = 5;
const PAUSE = 0.01;
const LANES = 50;

// Stamps are gathered and written a few milliseconds later: they hold the time of the step.
function stamper() {
  let times = [];
  const file = fs.openSync(path.join(stamps, `${process.pid}-node`), 'a');
  const write = () => {
    if (!times.length) return;
    fs.writeSync(file, Buffer.from(Float64Array.from(times).buffer));
    times = [];
  };
  setInterval(write, 5);
  return () => times.push(now());
}

function stampsRead() {
  const times = [];
  for (const name of fs.readdirSync(stamps)) {
    const bytes = fs.readFileSync(path.join(stamps, name));
    for (let at = 0; at + 8 <= bytes.length; at += 8) times.push(bytes.readDoubleLE(at));
  }
  return times.sort((a, b) => a - b);
}

async function stampsOf(count) {
  for (let end = now() + 20; now() < end; await sleep(0.005)) {
    const times = stampsRead();
    if (times.length >= count) return times;
  }
  throw new Error(`not ${count} steps within 20 s`);
}

// A flow's parent runs after its children: the last step is the root.
function chainOf(length) {
  let flow = { name: 'noop', queueName: 'bench' };
  for (let n = 1; n < length; n++) flow = { name: 'noop', queueName: 'bench', children: [flow] };
  return flow;
}

async function start(queue, flows, shape, count) {
  const [kind, size] = [shape.split(':')[0], Number(shape.split(':')[1])];
  if (kind !== 'chain') throw new Error(`no ${kind}`);
  if (size === 1) return addMany(queue, count);
  for (let first = 0; first < count; first += 100) {
    const part = Math.min(100, count - first);
    await flows.addBulk(Array.from({ length: part }, () => chainOf(size)));
  }
}

async function addMany(queue, count) {
  for (let first = 0; first < count; first += 1000) {
    const part = Math.min(1000, count - first);
    await queue.addBulk(Array.from({ length: part }, () => ({ name: 'noop', data: {} })));
  }
}

const add = (queue) => queue.add('noop', {});

const JOBS = {
  declare: async () => ({}),
  preload: async ({ queue, flows }) => {
    await start(queue, flows, given.shape, given.count);
    return {};
  },
  produce: async ({ queue }) => {
    for (let n = 0; n < WARM_UP; n++) await add(queue);
    let { count } = given;
    const begun = now();
    if (given.mode === 'batched') await addMany(queue, count);
    else if (given.mode === 'async') for (let n = 0; n < count; n++) await add(queue);
    else {
      const each = Math.max(1, Math.floor(count / LANES));
      const lane = async () => {
        for (let n = 0; n < each; n++) await add(queue);
      };
      count = each * LANES;
      await Promise.all(Array.from({ length: LANES }, lane));
    }
    return { rate: count / (now() - begun) };
  },
  lone: async ({ queue, flows }) => {
    const steps = Number(given.shape.split(':')[1]);
    let seen = 0;
    let times = [];
    for (const [shape, more] of [
      ...Array(WARM_UP).fill(['chain:1', 1]), [given.shape, steps], [given.shape, steps],
    ]) {
      await sleep(PAUSE);
      await start(queue, flows, shape, 1);
      seen += more;
      times = await stampsOf(seen);
    }
    return { times: times.slice(-steps) };
  },
  latency: async ({ queue, events }) => {
    await events.waitUntilReady();
    for (let n = 0; n < WARM_UP; n++) await (await add(queue)).waitUntilFinished(events);
    const [begun, ended] = [[], []];
    for (let n = 0; n < given.count; n++) {
      await sleep(given.pause);
      begun.push(now());
      await (await add(queue)).waitUntilFinished(events);
      ended.push(now());
    }
    const times = await stampsOf(given.count + WARM_UP);
    return { begun, ended, times: times.slice(-given.count) };
  },
};

async function main() {
  if (job === 'work') {
    const stamp = stamper();
    const step = async () => {
      stamp();
      return 1;
    };
    const worker = new Worker('bench', step, { connection, concurrency: 64 });
    worker.on('error', (error) => console.error(error));
    return;
  }
  const queue = new Queue('bench', { connection });
  const flows = new FlowProducer({ connection });
  const events = job === 'latency' ? new QueueEvents('bench', { connection }) : null;
  const found = await JOBS[job]({ queue, flows, events });
  console.log(JSON.stringify(found));
  process.exit(0);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
