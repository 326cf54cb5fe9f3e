// A census that is killed, and two at the same time: the end is what one undisturbed run comes to.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { damagedWorld } from './support/census.js';
import {
    allOfIt, callsByTarget, certificateOf, ended, lastCall, reconcile, recordCounts, startReconcile, timeless,
} from './support/command.js';
import { eventually } from './support/environment.js';
import { assertFound } from './support/findings.js';
import { Stack } from './support/stack.js';

const range = allOfIt();
const env = { SWEEP_INTERVAL_SECONDS: '0', DATABASE_POOL_SIZE: '8' };

async function world(label) {
    const stack = await Stack.start(label, { env, webhooks: {} });
    return { stack, cases: await damagedWorld(stack) };
}

let undisturbed;
let killed;
let doubled;
before(async () => {
    undisturbed = await world('reconcile-undisturbed');
    killed = await world('reconcile-killed');
    doubled = await world('reconcile-doubled');
    undisturbed.certificate = await reconcile(undisturbed.stack, range, { code: 3 });
    undisturbed.counts = await recordCounts(undisturbed.stack.database);
});
after(async () => {
    for (const each of [undisturbed, killed, doubled]) await each?.stack.close();
});

/** Sessions that were asked about since, with how often. */
const sessionsAsked = (stack, mark) => callsByTarget(stack.twin, { operation: 'get_session', after: mark });

describe('a census', () => {
    test('that is killed is continued', async () => {
        const { stack, cases } = killed;
        const mark = await lastCall(stack.twin);
        const first = startReconcile(stack, [...range, '--max-per-second', '15']);
        await eventually('it is half-way', async () => (await stack.twin.calls({ after: mark })).length >= 24, 60);
        await first.stop('SIGKILL');
        assert.equal(first.exit.signal, 'SIGKILL', first.stdout);
        assert.equal(first.stdout, '', 'no certificate of half the truth');
        const asked = await sessionsAsked(stack, mark);

        const again = await lastCall(stack.twin);
        const certificate = await reconcile(stack, range, { code: 3 });
        assert.deepEqual(timeless(certificate), timeless(undisturbed.certificate));
        assert.deepEqual(await recordCounts(stack.database), undisturbed.counts);
        await assertFound(stack, cases);

        const twice = [...(await sessionsAsked(stack, again)).keys()].filter((target) => asked.has(target));
        assert.ok(asked.size > 5 && twice.length <= asked.size / 2, `${twice.length} of ${asked.size} sessions are asked again`);
    });

    test('that came to its end is not continued: everything is asked again', async () => {
        const { stack } = killed;
        const mark = await lastCall(stack.twin);
        assert.deepEqual(timeless(await reconcile(stack, range, { code: 3 })), timeless(undisturbed.certificate));
        const asked = await sessionsAsked(stack, mark);
        assert.ok(asked.size >= killed.cases.length, `${asked.size} sessions`);
    });

    test('beside another comes to the same end', async () => {
        const { stack, cases } = doubled;
        const mark = await lastCall(stack.twin);
        const runs = [1, 2].map(() => startReconcile(stack, [...range, '--max-per-second', '30']));
        for (const run of await Promise.all(runs.map(ended)))
            assert.deepEqual(timeless(certificateOf(run, 3)), timeless(undisturbed.certificate));
        assert.deepEqual(await recordCounts(stack.database), undisturbed.counts);
        await assertFound(stack, cases);
        for (const [target, count] of await sessionsAsked(stack, mark)) assert.ok(count <= 2, `${target}: asked ${count} times`);
    });

    test('that is killed, of another range, is no business of the next', async () => {
        const { stack } = doubled;
        const other = ['--from', '2020-01-01', '--to', range[3]];
        const mark = await lastCall(stack.twin);
        const first = startReconcile(stack, [...other, '--max-per-second', '10']);
        await eventually('it has begun', async () => (await stack.twin.calls({ after: mark })).length >= 5, 60);
        await first.stop('SIGKILL');
        const certificate = await reconcile(stack, range, { code: 3 });
        assert.deepEqual(timeless(certificate), timeless(undisturbed.certificate));
    });
});
