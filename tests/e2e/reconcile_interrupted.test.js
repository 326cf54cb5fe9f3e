// A census that is killed, and two at the same time: the end is what one undisturbed run comes to.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { brokenPromises } from './support/audit.js';
import { damagedWorld, paymentsAtClink, refunded, released, restless, sold } from './support/census.js';
import {
    allOfIt, callsByTarget, certificateOf, ended, lastCall, moment, reconcile, recordCounts, startReconcile, summed, timeless,
} from './support/command.js';
import { eventually } from './support/environment.js';
import { assertFound } from './support/findings.js';
import { Stack } from './support/stack.js';

const range = allOfIt();

const stacks = [];
async function world(label) {
    const stack = await Stack.start(label, { env: restless, webhooks: {} });
    stacks.push(stack);
    return { stack, cases: await damagedWorld(stack, 20) };
}

let undisturbed;
let killed;
let doubled;
before(async () => {
    undisturbed = await world('reconcile-undisturbed');
    killed = await world('reconcile-killed');
    doubled = await world('reconcile-doubled');
    undisturbed.certificate = await reconcile(undisturbed.stack, range, { code: 3 });
    undisturbed.counts = await found(undisturbed.stack.database);
});
after(async () => {
    for (const stack of stacks) await stack.close();
});

/** What is on record; not how many events it took, which depends on what the service itself was doing meanwhile. */
async function found(database) {
    const { events: _, ...counts } = await recordCounts(database);
    return counts;
}

/** Sessions that were asked about since, with how often. */
const sessionsAsked = (stack, mark) => callsByTarget(stack.twin, { operation: 'get_session', after: mark });

describe('a census', () => {
    test('that is killed is continued', async () => {
        const { stack, cases } = killed;
        const mark = await lastCall(stack.twin);
        // Half of the sessions are answered for, then Clink answers no more. What was under way is leased for twice the timeout.
        const answers = Math.floor(cases.length / 2);
        await stack.twin.fault({ operation: 'get_session', skip: answers, fault: 'delay', delay_ms: 100_000, count: 0 });
        const first = startReconcile(stack, range, { CLINK_TIMEOUT_MS: '3000' });
        await eventually('it is half-way', async () => (await sessionsAsked(stack, mark)).size > answers, 100);
        await eventually('what was answered is written', async () => {
            const [{ done }] = await stack.database.query(
                'select count(*)::int as done from checkout.census_orders where result is not null');
            return done > answers / 2;
        }, 60);
        await first.stop('SIGKILL');
        assert.equal(first.exit.signal, 'SIGKILL', first.stdout);
        assert.equal(first.stdout, '', 'no certificate of half the truth');
        await stack.twin.clearFaults();
        const calls = await stack.twin.calls({ operation: 'get_session', after: mark });
        const asked = new Set(calls.filter(({ status }) => status === 200).map(({ target }) => target));

        const again = await lastCall(stack.twin);
        const certificate = await reconcile(stack, range, { code: 3 });
        assert.deepEqual(timeless(certificate), timeless(undisturbed.certificate));
        assert.deepEqual(await found(stack.database), undisturbed.counts);
        await assertFound(stack, cases);

        const twice = [...(await sessionsAsked(stack, again)).keys()].filter((target) => asked.has(target));
        assert.ok(twice.length <= asked.size / 2, `${twice.length} of ${asked.size} sessions are asked again`);
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
        assert.deepEqual(await found(stack.database), undisturbed.counts);
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

describe('a service at work', () => {
    test('is not disturbed, and nothing of it is taken for a difference', async () => {
        const { stack } = undisturbed;
        Object.assign(stack.service.settings, restless);
        await stack.service.restart();
        await stack.webhooks();
        const from = await moment();
        const part = ['--from', from, '--to', range[3]];
        const customers = Array.from({ length: 12 }, (_, index) => async () => {
            if (index % 4 === 0) return refunded(stack, {}, index % 8 === 0 ? '10' : undefined);
            if (index % 4 === 1) return sold(stack);
            const session = await released(stack);
            if (index % 4 === 2) return (await stack.api.cancel(session.merchantOrderId)).json;
            await stack.twin.pay(session.sessionId);
            await stack.settled(session.merchantOrderId, 'paid', 30);
            return session;
        });
        const censuses = [];
        let isOver = false;
        const counting = (async () => {
            while (!isOver) censuses.push(await reconcile(stack, ['--all', ...part], { code: 0 }));
        })();
        const orders = [];
        for (const customer of customers) orders.push(await customer());
        isOver = true;
        await counting;
        assert.ok(censuses.length > 0);

        const last = await reconcile(stack, part, { code: 0 });
        const references = orders.map(({ merchantOrderId }) => merchantOrderId);
        assert.deepEqual(last.matched, summed(await paymentsAtClink(stack.twin, references)));
        for (const merchantOrderId of references)
            assert.deepEqual(await stack.discrepancies(merchantOrderId, { state: 'open' }), []);
        assert.deepEqual(await brokenPromises(stack.database), []);
    });
});
