// A person's way: the hosted page in a real browser, through payment and redirect back to the shop.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';

import { chromiumBinary } from './support/environment.js';
import { Stack } from './support/stack.js';

const flags = [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
    '--disable-sync', '--disable-dev-shm-usage',
];

let stack;
let browser;
before(async () => {
    stack = await Stack.start('browser');
    browser = await chromium.launch({ executablePath: chromiumBinary, args: flags });
});
after(async () => {
    await browser?.close();
    await stack?.close();
});

/** A fresh order's page, in a tab of its own; a request that leaves loopback fails the test. */
async function open(changes) {
    const terms = stack.order(changes);
    const { json: session } = await stack.api.create(terms);
    const context = await browser.newContext();
    const page = await context.newPage();
    const elsewhere = [];
    page.on('request', (request) => {
        if (!['127.0.0.1', ''].includes(new URL(request.url()).hostname)) elsewhere.push(request.url());
    });
    await page.goto(session.url);
    return { page, session, terms, elsewhere, close: () => context.close() };
}

test('pay, come back to the shop, and the order is paid', async () => {
    const { page, session, terms, elsewhere, close } = await open({
        priceDataList: [{ name: 'Enamel mug', quantity: 2, unitAmount: '24.95' }],
    });
    assert.match(await page.getByTestId('amount').innerText(), /49\.90/);
    assert.match(await page.locator('body').innerText(), /Enamel mug/);

    await Promise.all([page.waitForURL(`${terms.successUrl}?**`), page.getByTestId('pay-button').click()]);
    assert.equal(await page.locator('#page').innerText(), '/thanks');
    const { searchParams } = new URL(page.url());
    assert.equal(searchParams.get('status'), 'paid');
    assert.equal(searchParams.get('merchantOrderId'), terms.merchantOrderId);
    assert.equal(searchParams.get('sessionId'), session.sessionId);

    const { json: order } = await stack.api.order(terms.merchantOrderId);
    assert.deepEqual([order.state, order.paid], ['paid', true]);
    assert.deepEqual([order.payments[0].amountTotal, order.payments[0].paymentCurrency], ['49.90', 'USD']);
    assert.equal(order.payments[0].evidence, 'redirect');
    assert.deepEqual(elsewhere, []);

    await page.goto(session.url);
    assert.equal(await page.getByTestId('status').getAttribute('data-status'), 'paid');
    assert.equal(await page.getByTestId('pay-button').count(), 0);
    await close();
});

test('leave, come back to the cart, and pay after all', async () => {
    const { page, session, terms, close } = await open();
    await Promise.all([page.waitForURL(terms.cancelUrl), page.getByTestId('leave-link').click()]);
    assert.equal((await stack.api.order(terms.merchantOrderId)).json.state, 'unpaid');
    await page.goto(session.url);
    await Promise.all([page.waitForURL(`${terms.successUrl}?**`), page.getByTestId('pay-button').click()]);
    assert.equal((await stack.api.order(terms.merchantOrderId)).json.state, 'paid');
    await close();
});

test('a declined card, then a good one', async () => {
    const { page, terms, close } = await open();
    await page.getByTestId('decline-button').click();
    await page.locator('[data-testid=status][data-status=failed]').waitFor();
    assert.equal((await stack.api.order(terms.merchantOrderId)).json.state, 'unpaid');
    await Promise.all([page.waitForURL(`${terms.successUrl}?**`), page.getByTestId('pay-button').click()]);
    assert.equal((await stack.api.order(terms.merchantOrderId)).json.state, 'paid');
    await close();
});

test('two tabs of one page make one payment', async () => {
    const { page, session, terms, close } = await open();
    const second = await page.context().newPage();
    await second.goto(session.url);
    await Promise.all(
        [page, second].map((tab) => Promise.all([tab.waitForURL(`${terms.successUrl}?**`), tab.getByTestId('pay-button').click()])),
    );
    const { json: order } = await stack.api.order(terms.merchantOrderId);
    assert.equal(order.state, 'paid');
    assert.equal(order.payments.length, 1);
    await close();
});

test('yen without decimals', async () => {
    const { page, terms, close } = await open({ originalAmount: 500, originalCurrency: 'JPY' });
    const shown = await page.getByTestId('amount').innerText();
    assert.match(shown, /\b500\b/);
    assert.doesNotMatch(shown, /500\.0/);
    await Promise.all([page.waitForURL(`${terms.successUrl}?**`), page.getByTestId('pay-button').click()]);
    assert.equal((await stack.api.order(terms.merchantOrderId)).json.payments[0].amountTotal, '500');
    await close();
});
