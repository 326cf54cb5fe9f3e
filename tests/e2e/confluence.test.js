// Random histories of orders over the real service, the twin and PostgreSQL: whatever happens, in whatever sequence, however
// often the service is told or not told of it, the end depends only on what Clink did (support/model.js), and the promises
// hold on the way (support/history.js). Two replicas, their sweepers on.
//
// A history that fails prints its seed and its steps; CONFLUENCE_SEED=<seed> runs that history alone, several times at once:
// a seed fixes the steps, not how those that run at the same time interleave. CONFLUENCE_ORDERS says how many there are.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { after, before, test } from 'node:test';

import { brokenPromises, doublySold, unknownPayments } from './support/audit.js';
import { History } from './support/history.js';
import { Postman } from './support/postman.js';
import { recordSecrets } from './support/service.js';
import { Stack } from './support/stack.js';
import { Watch } from './support/watch.js';

const replayed = process.env.CONFLUENCE_SEED;
const firstSeed = Number(replayed ?? randomInt(2 ** 31));
const orderCount = replayed ? 20 : Number(process.env.CONFLUENCE_ORDERS ?? 2000);
const inFlight = 120;

const env = {
    CLINK_TIMEOUT_MS: '10000', SWEEP_INTERVAL_SECONDS: '1', SWEEP_SCHEDULE_SECONDS: '1,2,3', SWEEP_MAX_PER_SECOND: '2000',
    DATABASE_POOL_SIZE: '8', LOG_LEVEL: 'error',
};

let stack;
let database;
let postman;
let watch;
let replicas;

before(async () => {
    postman = await Postman.start();
    stack = await Stack.start('confluence-a', { env, webhooks: { url: postman.url, shuffle: true } });
    const key = stack.service.settings.CLINK_WEBHOOK_SIGNING_KEY;
    const second = await stack.serve('confluence-b', { env: { ...env, CLINK_WEBHOOK_SIGNING_KEY: key } });
    replicas = [stack.service, second];
    database = stack.database.pool(4);
    watch = new Watch(database);
});

// Too many pages were made to look for each of their tokens: the other suites do.
after(async () => {
    await watch?.stop();
    await database?.end();
    for (const service of stack?.services ?? []) {
        assert.deepEqual(await service.stop(), { code: 0, signal: null });
        recordSecrets(service.secrets);
    }
    recordSecrets(stack?.database.secrets ?? []);
    await stack?.abandon();
    await postman?.stop();
});

test(`${orderCount} histories from seed ${firstSeed} end as Clink says`, async (t) => {
    const world = { stack, database, replicas, postman, watch, refusals: 0 };
    const failures = [];
    let next = 0;
    const work = async () => {
        while (next < orderCount && failures.length < 5) {
            const history = new History(replayed ? firstSeed : firstSeed + next, world);
            next++;
            try {
                await history.run();
            } catch (error) {
                failures.push(`${history.describe()}\n${error.message}`);
            }
        }
    };
    await Promise.all(Array.from({ length: inFlight }, work));
    t.diagnostic(`${watch.looks} looks at the database, ${world.refusals} refusals of too much at once`);
    assert.ok(failures.length === 0, `\n${failures.join('\n\n')}\n`);
    assert.equal(next, orderCount);
});

test('the promises held', async () => {
    assert.deepEqual([...watch.broken], []);
    assert.deepEqual(await brokenPromises(database), []);
    assert.deepEqual(await doublySold(database, await stack.twin.control('GET', 'sessions')), []);
    assert.deepEqual(await unknownPayments(database, await stack.twin.control('GET', 'orders')), []);
});
