// GET /metrics: what happens is counted under the right name, and nothing that a caller chose becomes a label.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { eventually } from './support/environment.js';
import { exchange } from './support/http.js';
import { Stack } from './support/stack.js';

const series = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/;

/** Every series as `{name, labels, value}`. */
function read(text) {
    return text.split('\n').filter((line) => line && !line.startsWith('#')).map((line) => {
        const [, name, labels = '', value] = series.exec(line);
        const pairs = [...labels.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, text]) => [key, text]);
        return { name, labels: Object.fromEntries(pairs), value: Number(value) };
    });
}

describe('metrics', () => {
    let stack;
    before(async () => {
        stack = await Stack.start('metrics', { env: { CLINK_TIMEOUT_MS: '5000' }, webhooks: {} });
    });
    after(() => stack?.close());

    const scrape = async () => read((await stack.api.as(null).call('getMetrics', { expect: 200 })).text);
    /** The sum of the series of that name with (at least) these labels; undefined when there is none. */
    const value = async (name, labels = {}) => {
        const found = (await scrape()).filter((each) => each.name === name
            && Object.entries(labels).every(([key, wanted]) => each.labels[key] === wanted));
        return found.length > 0 ? found.reduce((sum, each) => sum + each.value, 0) : undefined;
    };
    // The record is looked at again within a minute.
    const becomes = (name, labels, wanted) =>
        eventually(`${name} ${JSON.stringify(labels)} is ${wanted}`, async () => (await value(name, labels)) === wanted, 90);
    const create = { method: 'POST', route: '/v1/checkout-sessions' };

    test('the answer is what Prometheus expects, with the build in it', async () => {
        const { headers, text } = await stack.api.as(null).call('getMetrics', { expect: 200 });
        assert.equal(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
        assert.match(text, /^checkout_build_info\{compiler="[^"]+",revision="[^"]+",version="[0-9.]+"\} 1$/m);
        assert.equal(await value('checkout_draining'), 0);
    });

    test('requests are counted by route and status, problems by their code', async () => {
        const made = await value('checkout_http_requests_total', { ...create, status: '201' }) ?? 0;
        const order = stack.order();
        await stack.api.create(order);
        await stack.api.create(order, { expect: 200 });
        await stack.api.create({ ...order, uiMode: 'paper' }, { expect: [422, 'validation_failed'] });
        assert.equal(await value('checkout_http_requests_total', { ...create, status: '201' }), made + 1);
        assert.ok(await value('checkout_http_requests_total', { ...create, status: '200' }) >= 1);
        assert.equal(await value('checkout_http_problems_total', { route: create.route, code: 'validation_failed' }), 1);
        assert.ok(await value('checkout_http_request_duration_seconds_count', create) >= made + 3);
        assert.equal(await value('checkout_http_requests_in_flight'), 0);
    });

    test('no path, id, method or token of a caller becomes a label', async () => {
        const before = new Set((await scrape()).map(({ name, labels }) => name + JSON.stringify(labels)));
        for (let i = 0; i < 20; i++) {
            await exchange(stack.service.base, { path: `/nothing/${i}?token=sesame-${i}` });
            await exchange(stack.service.base, { method: `VERB${i}`, path: `/v1/orders/ORD-${i}` });
            await stack.api.order(`ORD-unknown-${i}`, { expect: 404 });
        }
        const added = (await scrape()).filter(({ name, labels }) => !before.has(name + JSON.stringify(labels)));
        assert.ok(added.length < 80, `${added.length} new series`);
        for (const { labels } of added) assert.doesNotMatch(JSON.stringify(labels), /sesame|nothing|VERB|ORD-/);
        assert.ok(await value('checkout_http_requests_total', { route: 'unmatched', status: '404' }) >= 20);
    });

    test("Clink's answers, attempts, payments and how late they were known", async () => {
        const call = { operation: 'create_session', outcome: 'accepted' };
        const [accepted, released, paid] = [
            await value('checkout_clink_call_duration_seconds_count', call),
            await value('checkout_attempts_total', { outcome: 'released' }),
            await value('checkout_payments_recorded_total', { verdict: 'exact' }),
        ];
        const { json: session } = await stack.api.create(stack.order());
        await stack.webhooks({ enabled: false });
        await stack.twin.pay(session.sessionId);
        await stack.api.call('refreshCheckoutSession', { params: { sessionId: session.sessionId }, expect: 200 });
        assert.equal(await value('checkout_clink_call_duration_seconds_count', call), accepted + 1);
        assert.equal(await value('checkout_attempts_total', { outcome: 'released' }), released + 1);
        assert.equal(await value('checkout_payments_recorded_total', { verdict: 'exact' }), paid + 1);
        assert.ok(await value('checkout_time_to_know_seconds_count') >= 1);

        await stack.twin.fault({ operation: 'create', fault: 'lost_answer' });
        const dark = await value('checkout_attempts_total', { outcome: 'dark' });
        await stack.api.create(stack.order(), { expect: [504, 'clink_outcome_unknown'] });
        assert.equal(await value('checkout_attempts_total', { outcome: 'dark' }), dark + 1);
        assert.ok(await value('checkout_clink_call_duration_seconds_count', { ...call, outcome: 'unknown' }) >= 1);
        assert.equal(await value('checkout_creates_in_flight'), 0);
    });

    test('a forged webhook is counted, and kept nowhere else', async () => {
        assert.equal(await value('checkout_webhooks_total', { outcome: 'bad_signature' }), 0);
        await stack.api.raw({ method: 'POST', path: '/webhooks/clink', body: '{}', expect: [401, 'webhook_signature_invalid'] });
        assert.equal(await value('checkout_webhooks_total', { outcome: 'bad_signature' }), 1);
    });

    test('the record as a whole shows within seconds', async () => {
        const order = stack.order();
        const { json: session } = await stack.api.create(order);
        const open = await eventually('an open session shows', async () => {
            const found = await value('checkout_sessions', { state: 'open' });
            return found >= 1 && found;
        }, 90);
        assert.ok(open >= 1);
        assert.ok(await value('checkout_oldest_unsettled_session_age_seconds') >= 0);
        assert.equal(await value('checkout_exposed_orders'), 0);
        assert.ok(await value('checkout_record_read_timestamp_seconds') > Date.now() / 1000 - 60);
        await stack.database.query(
            "insert into checkout.discrepancies (kind, subject) values ('orphan_event', $1)", [`event:${session.sessionId}`]);
        await becomes('checkout_discrepancies_open', { kind: 'orphan_event' }, 1);
        assert.equal(await value('checkout_discrepancies_open', { kind: 'duplicate_payment' }), 0);
    });

    test('the database is measured by statement, and its absence is counted', async () => {
        assert.ok(await value('checkout_database_operation_duration_seconds_count', { pool: 'main' }) > 10);
        assert.ok(await value('checkout_database_connections', { pool: 'main' }) >= 1);
        assert.equal(await value('checkout_database_queue_depth', { pool: 'finance' }), 0);
        const operations = new Set((await scrape()).map(({ labels }) => labels.operation).filter(Boolean));
        assert.ok(operations.has('begin_first_attempt'), [...operations].join(' '));
    });

    test('readiness shows as it was answered last', async () => {
        await stack.api.as(null).call('readyz', { expect: 200 });
        assert.equal(await value('checkout_ready'), 1);
    });
});
