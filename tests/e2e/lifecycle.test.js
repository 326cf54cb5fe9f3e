// The ends of a process: killed in the middle, and drained in good order.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { eventually } from './support/environment.js';
import { RawConnection } from './support/http.js';
import { Stack } from './support/stack.js';

const timeoutMs = 5000;
let stack;
before(async () => (stack = await Stack.start('lifecycle', { env: { CLINK_TIMEOUT_MS: String(timeoutMs) } })));
after(() => stack?.close());

const slow = (terms, delay) =>
    stack.twin.fault({ operation: 'create', fault: 'delay', match: terms.merchantOrderId, delay_ms: delay });
const underWay = (terms) => stack.twin.called({ operation: 'create', reference: terms.merchantOrderId });

/** Attempts being created have a lease of `seconds` from now on. */
const lease = (seconds) => stack.database.query(
    "update checkout.sessions set lease_until = now() + $1 * interval '1 second' where status = 'creating'", [seconds]);

describe('kill -9 between the intent and the answer', () => {
    test('leaves an intent whose lease runs out into dark; the next request makes the next attempt', async () => {
        const terms = stack.order();
        await slow(terms, 60_000);
        const lost = stack.api.create(terms, { expect: undefined }).catch((error) => error);
        await underWay(terms);
        await stack.service.restart('SIGKILL');
        assert.ok((await lost) instanceof Error, 'nobody was answered');

        const { json: order } = await stack.api.order(terms.merchantOrderId);
        assert.equal(order.attempts.length, 1);
        assert.equal(order.attempts[0].status, 'creating');
        const [given] = await stack.database.query(
            "select extract(epoch from lease_until - created_at)::float as seconds from checkout.sessions where status = 'creating'");
        assert.equal(given.seconds, timeoutMs / 1000 + 5);
        await lease(60); // however long all this takes
        const early = await stack.api.create(terms, { expect: [409, 'creation_in_progress'] });
        assert.match(early.headers['retry-after'], /^[1-9][0-9]*$/);

        await lease(0);
        const next = await eventually(
            'the lease runs out',
            async () => {
                const answer = await stack.api.create(terms, { expect: undefined });
                assert.ok([201, 409].includes(answer.status), answer.text);
                return answer.status === 201 && answer;
            },
            15,
        );
        assert.equal(next.json.attempt, 2);
        const { json: after } = await stack.api.order(terms.merchantOrderId);
        assert.deepEqual(after.attempts.map(({ status }) => status), ['dark', 'open']);
        assert.equal((await stack.twin.sessions(terms.merchantOrderId)).length, 2);
    });

    test('loses nothing that was answered', async () => {
        const orders = [];
        for (let i = 0; i < 5; i++) {
            const terms = stack.order();
            orders.push({ terms, session: (await stack.api.create(terms)).json });
        }
        await stack.twin.pay(orders[0].session.sessionId);
        await stack.api.refresh(orders[0].session.sessionId);
        await stack.service.restart('SIGKILL');
        await stack.api.create(orders[0].terms, { expect: [409, 'order_already_paid'] });
        for (const { terms, session } of orders.slice(1))
            assert.deepEqual((await stack.api.create(terms, { expect: 200 })).json, session);
    });
});

describe('SIGTERM', () => {
    test('lets a request finish, tells it to close, and ends with 0', async () => {
        const terms = stack.order();
        await slow(terms, 2_500);
        const create = stack.api.create(terms);
        await underWay(terms);
        const idle = await RawConnection.open(stack.service.base);
        const ended = stack.service.stop('SIGTERM');
        const answer = await create;
        assert.equal(answer.headers.connection?.toLowerCase(), 'close');
        assert.equal((await ended).code, 0);
        await idle.untilClosed();
        await assert.rejects(stack.api.order(terms.merchantOrderId));

        await stack.service.start();
        assert.deepEqual((await stack.api.create(terms, { expect: 200 })).json, answer.json);
    });

    test('an idle service ends at once', async () => {
        const kept = await RawConnection.open(stack.service.base);
        kept.send('GET /openapi.yaml HTTP/1.1\r\nHost: a\r\n\r\n');
        await kept.answer();
        const began = Date.now();
        assert.equal((await stack.service.stop('SIGTERM')).code, 0);
        assert.ok(Date.now() - began < 15_000, 'idle connections hold nothing up');
        await stack.service.start();
    });

    test('SIGINT does the same', async () => {
        assert.equal((await stack.service.stop('SIGINT')).code, 0);
        await stack.service.start();
    });

    test('DRAIN_DELAY_SECONDS: unready, but accepting', async () => {
        const service = await stack.serve('lifecycle-delay', { env: { DRAIN_DELAY_SECONDS: '4' } });
        const client = stack.clientOf(service);
        const ended = service.stop('SIGTERM');
        await service.readiness(503);
        const { json } = await client.call('readyz', { expect: 503 });
        assert.deepEqual(json.reasons, ['draining']);
        await client.create(stack.order());
        assert.equal((await ended).code, 0);
    });

    test('DRAIN_TIMEOUT_SECONDS bounds what is in flight', async () => {
        const service = await stack.serve('lifecycle-timeout', { env: { DRAIN_TIMEOUT_SECONDS: '1', CLINK_TIMEOUT_MS: '30000' } });
        service.mayEndBadly = true; // how it ends past the limit is its own affair
        const client = stack.clientOf(service);
        const terms = stack.order();
        await slow(terms, 60_000);
        const create = client.create(terms, { expect: undefined }).catch((error) => error);
        await underWay(terms);
        const began = Date.now();
        await service.stop('SIGTERM');
        assert.ok(Date.now() - began < 15_000, `${Date.now() - began} ms`);
        const answer = await create;
        assert.ok(answer instanceof Error || answer.status !== 201);
        const { json: order } = await stack.api.order(terms.merchantOrderId);
        assert.equal(order.attempts[0].releasedAt, null);
        await stack.twin.clearFaults();
    });
});
