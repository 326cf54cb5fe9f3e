// A real Prometheus with the rules as they are watches the service while shops buy: Clink stops answering, both alerts about
// that fire; Clink answers again, both end. Their windows are minutes, and nothing is scaled: this takes some five minutes.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Database } from '../../e2e/support/database.js';
import { eventually } from '../../e2e/support/environment.js';
import { exchange } from '../../e2e/support/http.js';
import { Service } from '../../e2e/support/service.js';
import { Twin } from '../../e2e/support/twin.js';
import { dashboardQueries } from '../support/documents.js';
import { Prometheus } from '../support/prometheus.js';

const expected = ['CheckoutClinkCreatesUnanswered', 'CheckoutClinkQuestionsUnanswered'];
const runbooks = 'https://git.example.com/shop/clink-checkout/blob/main/';

let twin, database, service, prometheus, shop;

/** Storefronts that begin a checkout every half second, and what they were answered. */
class Shop {
    constructor() {
        this.answers = [];
        this.timer = setInterval(() => this.#buy(), 500);
    }

    async #buy() {
        const merchantOrderId = `order-${this.answers.length}-${process.hrtime.bigint()}`;
        const body = JSON.stringify({
            merchantOrderId, originalAmount: '49.90', originalCurrency: 'USD', customerEmail: 'ada@example.com',
            priceDataList: [{ name: 'Desk lamp', quantity: 1, unitAmount: '49.90' }],
            successUrl: 'https://shop.example/thanks', cancelUrl: 'https://shop.example/cart',
        });
        const headers = { authorization: `Bearer ${service.tokens.storefront}`, 'content-type': 'application/json' };
        const { status, text } = await exchange(service.base, { method: 'POST', path: '/v1/checkout-sessions', headers, body });
        this.answers.push({ status, code: JSON.parse(text).code });
    }

    /** Awaits an answer, from now on, with this status and problem code. */
    answered(status, code) {
        const begun = this.answers.length;
        return eventually(`a shop is answered ${status}`, () =>
            this.answers.slice(begun).some((answer) => answer.status === status && answer.code === code), 60);
    }

    close() {
        clearInterval(this.timer);
    }
}

before(async () => {
    twin = await Twin.start('monitoring');
    database = await Database.create();
    await database.migrate();
    service = new Service('monitoring', {
        databaseUrl: database.serverUrl,
        clinkUrl: twin.apiBase,
        clinkKey: twin.apiKey,
        redirects: false,
        env: { SWEEP_INTERVAL_SECONDS: '1', SWEEP_SCHEDULE_SECONDS: '2,5,10', CLINK_TIMEOUT_MS: '2000' },
    });
    await service.start();
    prometheus = await Prometheus.start([new URL(service.admin).host], { externalLabels: { runbooks } });
    shop = new Shop();
});

after(async () => {
    shop?.close();
    await prometheus?.stop();
    await service?.stop();
    await twin?.stop();
    await database?.drop();
});

test('the alerts fire when Clink stops answering, and end when it answers again', async (t) => {
    await shop.answered(201, undefined);
    await eventually('Prometheus has seen creates and questions', async () => {
        const calls = await prometheus.query('sum by (operation) (checkout:clink_calls:rate5m{outcome="accepted"}) > 0');
        return ['create_session', 'get_session'].every((wanted) => calls.some(({ metric }) => metric.operation === wanted));
    }, 90);
    assert.deepEqual([...(await prometheus.firing()).keys()], []);

    await twin.fault({ operation: 'any', fault: 'stall', count: 0 });
    const silent = Date.now();
    await shop.answered(504, 'clink_outcome_unknown');
    const firing = await prometheus.fires(expected, 360);
    t.diagnostic(`both fired ${Math.round((Date.now() - silent) / 1000)} s after Clink's last answer`);
    for (const name of expected) {
        const { labels, annotations } = firing.get(name);
        assert.deepEqual([labels.severity, labels.job], ['page', 'clink-checkout']);
        assert.equal(annotations.runbook_url, `${runbooks}deploy/monitoring/runbook.md#${name.toLowerCase()}`);
        assert.match(annotations.summary, /^Clink does not answer \d+(\.\d+)?% of the /);
    }
    const pages = [...firing.values()].filter(({ labels }) => labels.severity === 'page').map(({ labels }) => labels.alertname);
    assert.deepEqual(pages.sort(), expected);

    await twin.clearFaults();
    const back = Date.now();
    await shop.answered(201, undefined);
    await prometheus.ends(expected, 360);
    t.diagnostic(`both ended ${Math.round((Date.now() - back) / 1000)} s after Clink answered again`);
});

test('Prometheus answers every query of the dashboard', async () => {
    for (const { title, expr } of dashboardQueries())
        assert.ok(Array.isArray(await prometheus.query(expr.replaceAll('namespace=~"shop",', ''))), title);
    const [{ value: [, ready] }] = await prometheus.query('sum(checkout_ready)');
    assert.equal(ready, '1');
});
