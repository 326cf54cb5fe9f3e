// The sandbox overlay on a real cluster: a release, an order from creation to payment, then the replicas are rolled, removed,
// killed and crashed while shops go on selling, and the record is audited. One story, told in order.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { brokenPromises, doublySold, unknownPayments } from '../../e2e/support/audit.js';
import * as disturbances from './disturbances.js';
import { applyObject, eventually, getObjects, kubectl, settled } from './kubectl.js';
import { Load, quantile } from './load.js';
import { Sandbox } from './sandbox.js';
import { judge } from './verdict.js';

const phaseSeconds = Number(process.env.PHASE_SECONDS ?? 40);

const order = (id) => ({
    merchantOrderId: id, originalAmount: '49.90', originalCurrency: 'USD', customerEmail: 'ada@shop.example',
    priceDataList: [{ name: 'Desk lamp', quantity: 1, unitAmount: '49.90' }],
    successUrl: 'https://shop.example/thanks', cancelUrl: 'https://shop.example/cart',
});

const brief = ({ method, path, error, status, json, pod, at, took }) =>
    ({ method, path, error, status, code: json?.code, pod, at: new Date(at).toISOString(), took });

describe('the sandbox overlay on a cluster', () => {
    let sandbox;
    let load;
    let exits;

    before(async () => {
        sandbox = new Sandbox();
        await sandbox.prepare();
    });
    after(async () => {
        await load?.stop();
        exits?.stop();
        await sandbox.end();
    });

    it('is released: the migration first, then the replicas', async () => {
        const printed = await sandbox.release();
        assert.match(printed, /job\.batch\/clink-checkout-migrate created[^]*deployment\.apps\/clink-checkout created/);
        const migration = JSON.parse(await kubectl('get', 'job', 'clink-checkout-migrate', '--output=json'));
        assert.equal(migration.status.succeeded, 1);
        await settled(3); // the autoscaler's least
    });

    it('takes an order from its creation to its payment through the Service', async () => {
        const { status, json: session } = await sandbox.api('POST', '/v1/checkout-sessions', order('first'));
        assert.equal(status, 201);
        assert.match(session.url, /^https:\/\/clink-twin:8443\/pay\//);
        await sandbox.twin('POST', `sessions/${session.sessionId}/pay`, {});
        const back = await sandbox.api('GET', `/checkout/success?sessionId=${session.sessionId}`);
        assert.equal(back.status, 303);
        assert.match(back.headers.location, /status=paid/);
        const { json: recorded } = await sandbox.api('GET', '/v1/orders/first');
        assert.equal(recorded.state, 'paid');
    });

    /** Does something under load; tells how it went. */
    async function disturb(t, what, patienceMs) {
        const since = Date.now();
        const kills = (await what()) ?? [];
        await settled(3);
        const failures = load.failures(since);
        const verdict = judge(failures, kills, patienceMs);
        const requests = load.requests.filter(({ at }) => at >= since);
        if (failures.length > 0) t.diagnostic(JSON.stringify({ kills, failures: failures.slice(0, 30).map(brief) }));
        t.diagnostic(JSON.stringify({
            pods: kills.length, requests: requests.length, failed: failures.length, cut: verdict.cut.length, waited: verdict.waited.length,
            refused: verdict.refused.length, p50Ms: quantile(requests, 0.5), p99Ms: quantile(requests, 0.99), exits: exits.since(since).join(' '),
        }));
        return { since, kills, failures, verdict };
    }

    it('sells', async () => {
        exits = disturbances.watchExits();
        load = new Load(sandbox);
        await eventually('every shop has sold', () => load.acknowledged.size > 50 || load.failures().length > 0);
        assert.deepEqual(load.failures().map(brief), []);
    });

    it('is rolled without a failed request', async (t) => {
        const { since, failures } = await disturb(t, disturbances.roll);
        assert.deepEqual(failures.map(brief), []);
        assert.deepEqual([...new Set(exits.since(since))], [0]);
    });

    it('loses pods to a drained node, one every few seconds, without a failed request', async (t) => {
        const { since, kills, failures } = await disturb(t, () => disturbances.remove(phaseSeconds));
        assert.ok(kills.length >= 3);
        assert.deepEqual(failures.map(brief), []);
        await eventually('the removed pods have ended', () => exits.since(since).length >= kills.length);
        assert.deepEqual([...new Set(exits.since(since))], [0]);
    });

    it('loses no more than the open connections, and what knocks before Kubernetes knows, of pods that are killed', async (t) => {
        const { kills, verdict } = await disturb(t, () => disturbances.kill(phaseSeconds), 5000);
        assert.ok(kills.length >= 3);
        assert.deepEqual(verdict.unexplained.map(brief), []);
    });

    it('loses no more than that of pods that crash', async (t) => {
        const { kills, verdict } = await disturb(t, () => disturbances.crash(phaseSeconds), 10000);
        assert.ok(kills.length >= 3);
        assert.deepEqual(verdict.unexplained.map(brief), []);
    });

    it('lost no session, released none twice, and knows every payment', async (t) => {
        await load.stop();
        const released = await sandbox.query(`
            select clink_session_id as id, merchant_order_id as "order" from checkout.sessions join checkout.orders using (order_id)
            where released_at is not null`);
        const known = new Map(released.map(({ id, order: name }) => [id, name]));
        assert.ok(load.acknowledged.size > 100);
        assert.deepEqual([...load.acknowledged].filter(([id, name]) => known.get(id) !== name), []);

        // A second handle while the first could still be paid, at any moment of the run.
        assert.deepEqual(await sandbox.query(`
            select a.order_id, a.attempt, b.attempt as later from checkout.sessions a join checkout.sessions b using (order_id)
            where a.attempt < b.attempt and a.released_at is not null and b.released_at is not null
              and coalesce(least(a.superseded_at, a.ended_at), 'infinity') > b.released_at`), []);
        assert.deepEqual(await doublySold(sandbox, await sandbox.twin('GET', 'sessions')), []);
        assert.deepEqual(await brokenPromises(sandbox), []);
        await eventually('every payment at Clink is on record', async () =>
            (await unknownPayments(sandbox, await sandbox.twin('GET', 'orders'))).length === 0);
        const [counts] = await sandbox.query(`
            select count(*)::int as attempts, count(released_at)::int as released, count(*) filter (where status = 'dark')::int as dark,
                count(*) filter (where payment_status = 'paid')::int as paid from checkout.sessions`);
        t.diagnostic(JSON.stringify({ acknowledged: load.acknowledged.size, ...counts }));
    });

    /** The CronJob's Job with a range that holds this run; its end and its pod's exit status. */
    async function reconcile(name) {
        const job = JSON.parse(await kubectl(
            'create', 'job', name, '--from=cronjob/clink-checkout-reconcile', '--dry-run=client', '--output=json'));
        const { args } = job.spec.template.spec.containers[0];
        args[args.indexOf('--to') + 1] = new Date(Date.now() + 86400000).toISOString().slice(0, 10);
        args[args.indexOf('--max-per-second') + 1] = '2000'; // a night's pace would take too long for thousands of orders
        await applyObject(job);
        const ended = await eventually(`${name} ends`, async () => {
            const { status } = JSON.parse(await kubectl('get', 'job', name, '--output=json'));
            return status.conditions?.find((condition) => condition.status === 'True');
        }, 300);
        const { items } = await getObjects('pods', `--selector=job-name=${name}`);
        assert.equal(items.length, 1, 'a second try');
        return { ended: ended.type, exit: items[0].status.containerStatuses[0].state.terminated.exitCode };
    }

    it('is reconciled by the CronJob’s Job: complete when all agrees', async () => {
        assert.deepEqual(await reconcile('reconcile-clean'), { ended: 'Complete', exit: 0 });
    });

    it('fails that Job with status 3 when a discrepancy is open', async () => {
        const { json } = await sandbox.api('GET', '/v1/orders/first');
        await sandbox.twin('POST', `orders/${json.payments[0].clinkOrderId}/forget`, {});
        assert.deepEqual(await reconcile('reconcile-discrepancy'), { ended: 'Failed', exit: 3 });
    });
});
