// Two processes on one database: one create at Clink for an order, however many ask, whichever of them dies.
//
//   E2E_REPLICA_ROUNDS   orders in a row that 64 requests ask for at once (default 20)
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { eventually } from './support/environment.js';
import { exchange } from './support/http.js';
import { Stack } from './support/stack.js';
import { deliver, eventText, inbox, webhookKey } from './support/webhooks.js';

const rounds = Number(process.env.E2E_REPLICA_ROUNDS ?? 20);
const timeoutMs = 5000;
const leaseMs = timeoutMs + 5000;
const env = { CLINK_TIMEOUT_MS: String(timeoutMs), DATABASE_POOL_SIZE: '8', CLINK_WEBHOOK_SIGNING_KEY: webhookKey() };

let stack;
let replicas; // a client for each
before(async () => {
    stack = await Stack.start('replicas', { env });
    replicas = [stack.api, stack.clientOf(await stack.serve('replicas-second', { env }))];
});
after(() => stack?.close());

const together = (count, work) => Promise.all(Array.from({ length: count }, (_, i) => work(i)));
const createsOf = async ({ merchantOrderId }) => (await stack.twin.calls({ operation: 'create', reference: merchantOrderId })).length;
const attemptsOf = async ({ merchantOrderId }) => (await stack.finance.order(merchantOrderId)).json.attempts;
const slow = (terms, delay) => stack.twin.fault({ operation: 'create', fault: 'delay', match: terms.merchantOrderId, delay_ms: delay });
const underWay = (terms) => stack.twin.called({ operation: 'create', reference: terms.merchantOrderId });

/** A create with its time in ms; nothing but the exchange is within it. */
async function timed({ service, token }, terms) {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const body = JSON.stringify(terms);
    const began = performance.now();
    const { status, text } = await exchange(service.base, { method: 'POST', path: '/v1/checkout-sessions', headers, body });
    return { status, json: JSON.parse(text), service, ms: performance.now() - began };
}

const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

test(`64 requests at once for one order, ${rounds} orders in a row: one create at Clink, one session in all answers`, async (t) => {
    await stack.twin.settings({ latency_ms: 100 });
    const times = { winner: [], 'same replica': [], 'other replica': [] };
    for (let round = 0; round < rounds; round++) {
        const terms = stack.order();
        const answers = await together(64, (i) => timed(replicas[i % 2], terms));
        assert.deepEqual(answers.map(({ status }) => status).sort(), [...Array(63).fill(200), 201]);
        assert.equal(new Set(answers.map(({ json }) => json.sessionId)).size, 1);
        assert.equal(new Set(answers.map(({ json }) => json.url)).size, 1);
        assert.equal(await createsOf(terms), 1);
        assert.equal((await attemptsOf(terms)).length, 1);

        const winner = answers.find(({ status }) => status === 201);
        times.winner.push(winner.ms);
        for (const each of answers)
            if (each !== winner) times[each.service === winner.service ? 'same replica' : 'other replica'].push(each.ms);
    }
    await stack.twin.settings({ latency_ms: 0 });
    for (const [who, each] of Object.entries(times)) t.diagnostic(`${who}: median ${median(each).toFixed(0)} ms of ${each.length}`);
    // A waiter is told; it does not find out by asking now and then, nor at the end of its patience.
    assert.ok(median(times['other replica']) < median(times.winner) + 1000, 'the other replica learns it late');
});

describe('a waiter in another replica', () => {
    const outcomes = [
        ['a refusal', { fault: 'business_error', code: 400, msg: 'no' }, [502, 'clink_rejected']],
        ['an unknown outcome', { fault: 'lost_answer' }, [504, 'clink_outcome_unknown']],
        ['an answer that does not match', { fault: 'wrong_amount' }, [502, 'clink_answer_mismatch']],
    ];
    describe("gets the failed winner's answer", { concurrency: true }, () => {
        for (const [name, fault, expect] of outcomes) test(name, async () => {
            const terms = stack.order();
            await stack.twin.fault({ operation: 'create', match: terms.merchantOrderId, delay_ms: 3_000, ...fault });
            const winner = replicas[0].create(terms, { expect });
            await underWay(terms);
            await Promise.all([winner, ...replicas.map((replica) => replica.create(terms, { expect }))]);
            assert.equal(await createsOf(terms), 1);
            assert.equal((await replicas[1].create(terms)).json.attempt, 2);
        });
    });

    test('with other terms is refused', async () => {
        const terms = stack.order();
        await slow(terms, 2_500);
        const winner = replicas[0].create(terms);
        await underWay(terms);
        await replicas[1].create({ ...terms, localPriceOnly: true }, { expect: [409, 'order_terms_conflict'] });
        await winner;
    });

    test('can cancel what the first is creating', async () => {
        const terms = stack.order();
        await slow(terms, 2_500);
        const winner = replicas[0].create(terms, { expect: [409, 'order_cancelled'] });
        await underWay(terms);
        await replicas[1].cancel(terms.merchantOrderId);
        await winner;
        assert.deepEqual((await attemptsOf(terms)).map(({ status, releasedAt }) => [status, releasedAt]), [['dark', null]]);
    });

    test('learns of it also after PostgreSQL ended every connection', async () => {
        await stack.database.query('select pg_terminate_backend(pid) from pg_stat_activity where usename = $1', [
            stack.database.server.role,
        ]);
        for (const { service } of replicas) await service.readiness(200);
        // Connections that turn out to be gone may fail a few requests; none makes a second session.
        const terms = stack.order();
        await eventually('all are answered', async () => {
            const answers = await together(16, (i) => timed(replicas[i % 2], terms));
            return answers.every(({ status }) => status <= 201);
        });
        const next = stack.order();
        await slow(next, 300);
        const answers = await together(16, (i) => timed(replicas[i % 2], next));
        assert.deepEqual(answers.map(({ status }) => status).sort(), [...Array(15).fill(200), 201]);
        assert.equal(await createsOf(next), 1);
    });
});

describe('a replica', { concurrency: 2 }, () => {
    test('that dies while it creates: the others say so in time, and then the next attempt is made', async () => {
        const dying = stack.clientOf(await stack.serve('replicas-dying', { env }));
        const terms = stack.order();
        await slow(terms, 60_000);
        const began = Date.now(); // before its lease does
        const lost = dying.create(terms, { expect: undefined }).catch((error) => error);
        await underWay(terms);
        const waiters = together(8, (i) => replicas[i % 2].create(terms, { expect: [409, 'creation_in_progress'] }));
        dying.service.mayEndBadly = true;
        await dying.service.stop('SIGKILL');
        assert.ok((await lost) instanceof Error);
        for (const { headers } of await waiters) assert.match(headers['retry-after'], /^[1-9][0-9]*$/);
        assert.ok(Date.now() - began < timeoutMs + 1000 + 9000, `${Date.now() - began} ms`);

        const next = await eventually(
            'the lease runs out',
            async () => {
                const answers = await together(8, (i) => timed(replicas[i % 2], terms));
                return answers.every(({ status }) => status <= 201) && answers;
            },
            30,
        );
        assert.ok(Date.now() - began >= leaseMs, 'not before the lease is over');
        assert.equal(new Set(next.map(({ json }) => json.sessionId)).size, 1);
        assert.deepEqual((await attemptsOf(terms)).map(({ status }) => status), ['dark', 'open']);
        assert.equal(await createsOf(terms), 2);
    });

    test('that slept past its lease cannot release what it created', async () => {
        const sleeping = stack.clientOf(await stack.serve('replicas-sleeping', { env }));
        const terms = stack.order();
        await slow(terms, 3_000);
        const late = sleeping.create(terms, { expect: undefined });
        await underWay(terms);
        sleeping.service.process.signal('SIGSTOP');
        const next = await eventually(
            'the lease runs out',
            async () => {
                const answer = await replicas[0].create(terms, { expect: undefined });
                assert.ok([201, 409].includes(answer.status), answer.text);
                return answer.status === 201 && answer.json;
            },
            30,
        );
        sleeping.service.process.signal('SIGCONT');
        const answer = await late;
        assert.ok(answer.json.sessionId === undefined || answer.json.sessionId === next.sessionId, answer.text);
        const attempts = (await attemptsOf(terms)).map(({ status, releasedAt }) => [status, releasedAt !== null]);
        assert.deepEqual(attempts, [['dark', false], ['open', true]]);
        assert.equal((await sleeping.create(terms, { expect: 200 })).json.sessionId, next.sessionId);
    });
});

describe('at the same moment in both', () => {
    test('two sessions of one order that are paid are seen as a duplicate', async () => {
        for (let round = 0; round < 8; round++) {
            const terms = stack.order();
            const { json: old } = await replicas[0].create(terms);
            const { json: fresh } = await replicas[1].create({
                ...terms, originalAmount: '59.90', priceDataList: [{ name: 'Enamel mug', unitAmount: '59.90' }], supersede: true,
            });
            const sessions = [old, fresh];
            for (const { sessionId } of sessions) await stack.twin.pay(sessionId);
            const answers = await Promise.all(sessions.map(({ sessionId }, i) => replicas[(i + round) % 2].refresh(sessionId)));
            for (const { json } of answers) assert.equal(json.paid, true);
            const { json: order } = await stack.finance.order(terms.merchantOrderId);
            assert.equal(order.state, 'overpaid');
            assert.equal(order.payments.length, 2);
            await stack.discrepancy(terms.merchantOrderId, 'duplicate_payment');
        }
    });

    test('one session that is paid is one payment', async () => {
        const { json: session } = await stack.api.create(stack.order());
        await stack.twin.pay(session.sessionId);
        await together(8, (i) => replicas[i % 2].refresh(session.sessionId));
        assert.equal((await stack.finance.order(session.merchantOrderId)).json.payments.length, 1);
        const kinds = (await stack.api.events(session.merchantOrderId)).map(({ kind }) => kind);
        assert.equal(kinds.filter((kind) => kind === 'payment_recorded').length, 1);
    });

    test('an event is kept once', async () => {
        const { json: session } = await stack.api.create(stack.order());
        const body = eventText('session.complete', { sessionId: session.sessionId, status: 'completed', paymentStatus: 'paid' });
        await together(10, (i) => deliver(replicas[i % 2], body));
        const [kept, ...more] = await inbox(stack.database, [JSON.parse(body).id]);
        assert.deepEqual([more, kept.deliveries], [[], 10]);
    });

    test('cancel and create end in one of the two', async () => {
        for (let round = 0; round < 8; round++) {
            const terms = stack.order();
            const [created, cancelled] = await Promise.all([
                replicas[0].create(terms, { expect: undefined }),
                replicas[1].cancel(terms.merchantOrderId, { expect: undefined }),
            ]);
            const { json: order } = await stack.finance.order(terms.merchantOrderId);
            if (cancelled.status === 404) assert.equal(order.state, 'unpaid');
            else assert.equal(order.state, 'cancelled');
            assert.ok(created.status === 201 || created.json.code === 'order_cancelled', created.text);
            const released = order.attempts.filter(({ releasedAt }) => releasedAt !== null).length;
            assert.equal(released, created.status === 201 ? 1 : 0);
        }
    });
});
