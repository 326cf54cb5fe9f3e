// The whole job done by the image: every command of it, run read-only, without capabilities, as the image's own user, against
// PostgreSQL and Clink's twin.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';

import { allOfIt, reconcile, runCommand } from '../e2e/support/command.js';
import { Stack } from '../e2e/support/stack.js';
import { redirectSignature } from '../e2e/support/storefront.js';
import { mappedFiles, mounted, podman, processOf, processStatus } from './support/containers.js';

const container = `smoke-${process.pid}`; // not the only one: other suites run beside this one

let stack;
let terms;
let session;
before(async () => {
    stack = await Stack.start('image', { env: { CONTAINER_OPTIONS: `--name ${container}` } }); // runs `migrate` and `serve`
});
after(() => stack?.close());

test('an order becomes a page, is paid, and the customer is led back to the shop', async () => {
    terms = stack.order();
    session = (await stack.api.create(terms)).json;
    assert.equal(session.status, 'open');
    const back = await stack.twin.payOnPage(session.url);
    assert.equal(back, `${stack.service.base}/checkout/success?sessionId=${session.sessionId}`);
    const { headers } = await stack.api.success(session.sessionId);
    const target = new URL(headers.location);
    assert.equal(target.origin + target.pathname, terms.successUrl);
    assert.equal(target.searchParams.get('status'), 'paid');
    assert.equal(target.searchParams.get('signature'), redirectSignature(stack.service.storefrontKey, target.searchParams));
});

test('the order is paid, on evidence', async () => {
    const { json: order } = await stack.api.order(terms.merchantOrderId);
    assert.deepEqual([order.state, order.paid, order.payments.length], ['paid', true, 1]);
    assert.deepEqual(order.openDiscrepancies, []);
    assert.equal(order.attempts[0].settledBy, 'redirect');
});

test('finance exports the payment', async () => {
    const settings = { DATABASE_URL: stack.database.serverUrl };
    const { code, stdout, stderr } = await runCommand(['export', 'payments', ...allOfIt(), '--format', 'csv'], settings);
    assert.equal(code, 0, stderr);
    const [head, row, ...more] = stdout.split('\r\n');
    assert.deepEqual(more, ['']);
    const payment = Object.fromEntries(head.split(',').map((name, index) => [name, row.split(',')[index]]));
    assert.equal(payment.merchantOrderId, terms.merchantOrderId);
    assert.deepEqual([payment.originalAmount, payment.originalCurrency, payment.verdict], ['49.90', 'USD', 'exact']);
});

test('Clink agrees with the record', async () => {
    const certificate = await reconcile(stack, allOfIt(), { code: 0 });
    assert.deepEqual(certificate.matched, [{ currency: 'USD', count: 1, amount: '49.90' }]);
    assert.deepEqual([certificate.orders, certificate.notAnswered, certificate.openDiscrepancies], [1, 0, 0]);
});

test('a wrong configuration is named, with status 2', async () => {
    const { code, stderr } = await runCommand(['serve'], { DATABASE_POOL_SIZE: 'many' });
    assert.equal(code, 2);
    for (const name of ['DATABASE_URL', 'DATABASE_POOL_SIZE', 'CLINK_API_KEY', 'API_TOKENS']) assert.ok(stderr.includes(name), name);
});

describe('the process', () => {
    let pid;
    before(async () => (pid = await processOf(container)));

    test('is the program itself', () => {
        assert.equal(readlinkSync(`/proc/${pid}/exe`), '/usr/bin/clink-checkout');
        assert.deepEqual(processStatus(pid, 'NSpid').at(-1), '1');
    });

    test('is not root and cannot become it', () => {
        for (const name of ['Uid', 'Gid']) assert.deepEqual(processStatus(pid, name), ['10001', '10001', '10001', '10001']);
        for (const name of ['CapEff', 'CapPrm', 'CapBnd', 'CapAmb']) assert.match(processStatus(pid, name)[0], /^0+$/, name);
        assert.deepEqual(processStatus(pid, 'NoNewPrivs'), ['1']);
    });

    test('has a root that cannot be written, even by root', () => {
        const root = `/proc/${pid}/root`;
        for (const directory of ['', '/tmp', '/run', '/etc', '/usr/bin', '/var/lib'])
            assert.throws(() => writeFileSync(`${root}${directory}/probe`, ''), { code: 'EROFS' }, directory);
    });

    test('holds no file open for writing', () => {
        const descriptors = readdirSync(`/proc/${pid}/fd`).map((name) => readlinkSync(`/proc/${pid}/fd/${name}`));
        assert.deepEqual(descriptors.filter((path) => path.startsWith('/') && path !== '/dev/null'), []);
    });

    test('has loaded every library of the image: none is there for nothing', async () => {
        const present = await mounted((root) => librariesBelow(root));
        assert.deepEqual(mappedFiles(pid).filter((path) => path !== '/usr/bin/clink-checkout'), present);
    });

    test('leaves in good order when the engine stops it, by the image\'s own signal', async () => {
        await podman('stop', '--time', '40', container);
        assert.deepEqual(await stack.service.process.exited, { code: 0, signal: null });
        const last = stack.service.process.logLines().at(-1);
        assert.ok(last, 'it says so');
    });
});

/** Those that the loader finds; /lib and /lib64 are links to below /usr. */
function librariesBelow(root) {
    const files = readdirSync(`${root}/usr`, { recursive: true }).map((path) => `/usr/${path}`);
    const found = files.filter((path) => /\.so(\.[0-9.]+)?$/.test(path));
    return found.filter((path) => readFileSync(root + path).subarray(1, 4).toString() === 'ELF').sort();
}
