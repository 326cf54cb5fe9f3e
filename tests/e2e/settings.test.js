// The command line and the environment: every wrong setting is named at once, and none of them is shown.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { Authority } from './support/certificates.js';
import { checkoutBinary, freePort } from './support/environment.js';
import { RawConnection } from './support/http.js';
import { runToEnd } from './support/process.js';
import { makeTokens, Service, sha256Hex } from './support/service.js';
import { Stack } from './support/stack.js';

const all = [
    'DATABASE_URL', 'DATABASE_READ_URL', 'DATABASE_POOL_SIZE', 'CLINK_API_BASE_URL', 'CLINK_API_KEY', 'CLINK_WEBHOOK_SIGNING_KEY',
    'CLINK_WEBHOOK_TOLERANCE_SECONDS', 'WEBHOOK_ACCOUNT_WEBSITE', 'CLINK_TIMEOUT_MS', 'CLINK_CA_FILE', 'LISTEN_ADDRESS',
    'ADMIN_LISTEN_ADDRESS', 'API_TOKENS', 'API_TOKENS_FILE', 'TLS_CERT_FILE', 'TLS_KEY_FILE', 'TLS_CLIENT_CA_FILE', 'PUBLIC_BASE_URL',
    'REDIRECT_SIGNING_KEY', 'REDIRECT_ALLOWED_HOSTS', 'SWEEP_INTERVAL_SECONDS', 'SWEEP_SCHEDULE_SECONDS', 'SWEEP_MAX_PER_SECOND',
    'DARK_WATCH_HOURS', 'RATE_LIMIT_PER_SECOND', 'MAX_IN_FLIGHT', 'MAX_CONNECTIONS', 'DRAIN_DELAY_SECONDS', 'DRAIN_TIMEOUT_SECONDS',
    'LOG_LEVEL',
    'OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_EXPORTER_OTLP_HEADERS', 'OTEL_EXPORTER_OTLP_CERTIFICATE',
    'OTEL_EXPORTER_OTLP_PROTOCOL', 'OTEL_EXPORTER_OTLP_TIMEOUT', 'OTEL_SERVICE_NAME', 'OTEL_RESOURCE_ATTRIBUTES',
    'OTEL_TRACES_SAMPLER', 'OTEL_TRACES_SAMPLER_ARG', 'OTEL_SDK_DISABLED', 'OTEL_BSP_SCHEDULE_DELAY', 'OTEL_BSP_EXPORT_TIMEOUT',
    'OTEL_BSP_MAX_QUEUE_SIZE', 'OTEL_BSP_MAX_EXPORT_BATCH_SIZE',
];
const run = (args, env = {}) => runToEnd('command', checkoutBinary, args, env);

const required = {
    DATABASE_URL: 'postgresql://nobody:hunter2-database@127.0.0.1:1/none',
    CLINK_API_BASE_URL: 'http://127.0.0.1:1/api',
    CLINK_API_KEY: 'hunter2-key',
    API_TOKENS: `shop:storefront:${sha256Hex('hunter2-token')}`,
};

describe('the command line', () => {
    test('--help documents each setting', async () => {
        const { code, stdout } = await run(['--help']);
        assert.equal(code, 0);
        for (const name of all) assert.match(stdout, new RegExp(`\\b${name}\\b`), name);
        for (const command of ['migrate', 'serve', 'version']) assert.match(stdout, new RegExp(`\\b${command}\\b`));
        assert.match(stdout, /_FILE\b/);
    });

    test('version needs no setting', async () => {
        const { code, stdout } = await run(['version']);
        assert.equal(code, 0);
        assert.match(stdout, /[0-9]+\.[0-9]+\.[0-9]+/);
    });

    for (const args of [[], ['frobnicate'], ['serve', 'extra'], ['serve', '--frobnicate'], ['--frobnicate']])
        test(`"${args.join(' ')}" is wrong usage`, async () => {
            const { code, stdout, stderr } = await run(args, required);
            assert.equal(code, 2);
            assert.match(stdout + stderr, /\S/);
        });
});

describe('settings', () => {
    test('that are missing are all named', async () => {
        const { code, stderr, stdout } = await run(['serve']);
        assert.equal(code, 2);
        for (const name of Object.keys(required)) assert.ok((stderr + stdout).includes(name), name);
    });

    test('that are wrong are all named, and no secret is shown', async () => {
        const wrong = {
            DATABASE_URL: 'postgresql://user:hunter2-database@host:port/x?nonsense=1',
            DATABASE_POOL_SIZE: 'many',
            CLINK_API_BASE_URL: 'http://api.clinkbill.com/api',
            CLINK_API_KEY: '',
            CLINK_WEBHOOK_TOLERANCE_SECONDS: '-1',
            CLINK_TIMEOUT_MS: '0',
            LISTEN_ADDRESS: 'here',
            ADMIN_LISTEN_ADDRESS: '127.0.0.1:99999',
            API_TOKENS: 'shop:storefront:hunter2-token',
            PUBLIC_BASE_URL: 'checkout.shop.example',
            REDIRECT_SIGNING_KEY: 'hunter2-too-short',
            SWEEP_INTERVAL_SECONDS: '1.5',
            SWEEP_SCHEDULE_SECONDS: '5,4',
            SWEEP_MAX_PER_SECOND: 'x',
            DARK_WATCH_HOURS: 'x',
            RATE_LIMIT_PER_SECOND: '-3',
            MAX_IN_FLIGHT: '0',
            MAX_CONNECTIONS: '0',
            DRAIN_DELAY_SECONDS: 'x',
            DRAIN_TIMEOUT_SECONDS: '99999999999999999999',
            LOG_LEVEL: 'loud',
            TLS_CERT_FILE: '/nonexistent/cert.pem',
            TLS_KEY_FILE: '/nonexistent/key.pem',
            CLINK_CA_FILE: '/nonexistent/ca.pem',
            OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318',
            OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://user:hunter2-collector@collector',
            OTEL_EXPORTER_OTLP_HEADERS: 'hunter2-header',
            OTEL_EXPORTER_OTLP_CERTIFICATE: '/nonexistent/ca.pem',
            OTEL_EXPORTER_OTLP_TIMEOUT: '0',
            OTEL_RESOURCE_ATTRIBUTES: 'x',
            OTEL_TRACES_SAMPLER: 'sometimes',
            OTEL_TRACES_SAMPLER_ARG: '2',
            OTEL_SDK_DISABLED: 'yes',
            OTEL_BSP_SCHEDULE_DELAY: 'x',
            OTEL_BSP_EXPORT_TIMEOUT: 'x',
            OTEL_BSP_MAX_QUEUE_SIZE: '0',
            OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '0',
        };
        const { code, stdout, stderr } = await run(['serve'], wrong);
        const said = stdout + stderr;
        assert.equal(code, 2, said);
        for (const name of Object.keys(wrong)) assert.match(said, new RegExp(`\\b${name}\\b`), name);
        assert.ok(!said.includes('hunter2'), said);
    });

    const redirects = (key) => ({ PUBLIC_BASE_URL: 'https://pay.shop.example', REDIRECT_SIGNING_KEY: key });
    const single = [
        ['plain http to another host', { CLINK_API_BASE_URL: 'http://192.0.2.1/api' }, 'CLINK_API_BASE_URL'],
        ['a name that only looks like loopback', { CLINK_API_BASE_URL: 'http://127.0.0.1.evil.example/api' }, 'CLINK_API_BASE_URL'],
        ['no URL', { CLINK_API_BASE_URL: 'clink' }, 'CLINK_API_BASE_URL'],
        ['PUBLIC_BASE_URL without its key', redirects(undefined), 'REDIRECT_SIGNING_KEY'],
        ['a signing key of 31 bytes', redirects('x'.repeat(31)), 'REDIRECT_SIGNING_KEY'],
        ['three signing keys', redirects(Array(3).fill('x'.repeat(32)).join(',')), 'REDIRECT_SIGNING_KEY'],
        ['a certificate without a key', { TLS_CERT_FILE: '/etc/ssl/certs/ca-certificates.crt' }, 'TLS_KEY_FILE'],
        ['an unknown scope', { API_TOKENS: `a:admin:${sha256Hex('a')}` }, 'API_TOKENS'],
        ['a token without a name', { API_TOKENS: `:storefront:${sha256Hex('a')}` }, 'API_TOKENS'],
        ['a short digest', { API_TOKENS: `a:storefront:${sha256Hex('a').slice(1)}` }, 'API_TOKENS'],
        ['a missing secret file', { CLINK_API_KEY: undefined, CLINK_API_KEY_FILE: '/nonexistent/key' }, 'CLINK_API_KEY_FILE'],
        ['a missing token file', { API_TOKENS: undefined, API_TOKENS_FILE: '/nonexistent/tokens' }, 'API_TOKENS_FILE'],
    ];
    for (const [name, env, setting] of single)
        test(`${name} is refused by name`, async () => {
            const { code, stdout, stderr } = await run(['serve'], { ...required, ...env });
            assert.equal(code, 2, stdout + stderr);
            assert.match(stdout + stderr, new RegExp(`\\b${setting}\\b`));
            for (const other of Object.keys(required).filter((each) => !setting.startsWith(each)))
                assert.doesNotMatch(stdout + stderr, new RegExp(`\\b${other}\\b`), `${other} is right`);
        });

    test('files of certificates and keys are refused by what is in them', async () => {
        const authority = await Authority.create('Test CA');
        try {
            const [one, other] = [await authority.issue('one', ['DNS:localhost']), await authority.issue('other', ['DNS:localhost'])];
            const text = join(one.keyFile, '../text.pem');
            writeFileSync(text, 'no certificate, and no key\n');
            const own = { TLS_CERT_FILE: one.certFile, TLS_KEY_FILE: one.keyFile };
            for (const [setting, env] of [
                ['TLS_CERT_FILE', { ...own, TLS_CERT_FILE: text }],
                ['TLS_KEY_FILE', { ...own, TLS_KEY_FILE: text }],
                ['TLS_KEY_FILE', { ...own, TLS_KEY_FILE: other.keyFile }],
                ['TLS_CLIENT_CA_FILE', { ...own, TLS_CLIENT_CA_FILE: text }],
                ['CLINK_CA_FILE', { CLINK_CA_FILE: text }],
                ['OTEL_EXPORTER_OTLP_CERTIFICATE', { OTEL_EXPORTER_OTLP_CERTIFICATE: text }],
            ]) {
                const { code, stderr } = await run(['serve'], { ...required, ...env, MAX_IN_FLIGHT: 'x' });
                assert.equal(code, 2, stderr);
                const named = [...stderr.matchAll(/^ {2}([A-Z_]+) /gm)].map(([, name]) => name);
                assert.deepEqual(new Set(named), new Set(['MAX_IN_FLIGHT', setting]), stderr);
            }
        } finally {
            authority.remove();
        }
    });

    test('of another command are not asked for', async () => {
        const env = { DATABASE_URL: required.DATABASE_URL, LISTEN_ADDRESS: 'here', MAX_IN_FLIGHT: 'x' };
        const { code, stderr } = await run(['migrate'], env);
        assert.equal(code, 1, 'the database is not there');
        assert.ok(!stderr.includes('LISTEN_ADDRESS'));
        assert.ok(!stderr.includes('hunter2'));
    });
});

describe('a start', () => {
    let stack;
    let directory;
    before(async () => {
        stack = await Stack.start('settings');
        directory = mkdtempSync(join(tmpdir(), 'clink-checkout-settings.'));
    });
    after(async () => {
        rmSync(directory, { recursive: true, force: true });
        await stack?.close();
    });

    test('takes its secrets from files', async () => {
        const file = (name, content) => {
            writeFileSync(join(directory, name), content);
            return join(directory, name);
        };
        const env = {
            DATABASE_URL: undefined,
            DATABASE_URL_FILE: file('database', `${stack.database.serverUrl}\n`),
            CLINK_API_KEY: undefined,
            CLINK_API_KEY_FILE: file('key', `${stack.twin.apiKey}\n`),
            REDIRECT_SIGNING_KEY: undefined,
        };
        const service = new Service('settings-files', { databaseUrl: '', clinkUrl: stack.twin.apiBase, clinkKey: stack.twin.apiKey, env });
        service.settings.REDIRECT_SIGNING_KEY_FILE = file('signing', service.signingKey);
        stack.services.push(service);
        await service.start();
        await stack.clientOf(service).create(stack.order());
    });

    test('on a taken port says so and fails', async () => {
        const { tokens, lines } = makeTokens();
        assert.ok(tokens.storefront);
        const { code, stdout, stderr } = await run(['serve'], {
            ...required,
            DATABASE_URL: stack.database.serverUrl,
            API_TOKENS: lines.join(','),
            LISTEN_ADDRESS: `127.0.0.1:${stack.service.ports.main}`,
            ADMIN_LISTEN_ADDRESS: `127.0.0.1:${await freePort()}`,
        });
        assert.equal(code, 1);
        assert.ok((stdout + stderr).includes(String(stack.service.ports.main)));
    });

    test('takes a keyword string for the database', async () => {
        const url = new URL(stack.database.serverUrl);
        const { hostname, port, username, password } = url;
        const keywords = `host=${hostname} port=${port} user=${username} password=${password} dbname=${url.pathname.slice(1)}`;
        const service = await stack.serve('settings-keywords', { env: { DATABASE_URL: keywords } });
        await stack.clientOf(service).create(stack.order());
    });

    test('migrate on a migrated database changes nothing', async () => {
        const tables = () => stack.database.query("select count(*)::int from pg_class where relnamespace = 'checkout'::regnamespace");
        const before = await tables();
        const { code } = await run(['migrate'], { DATABASE_URL: stack.database.ownerUrl });
        assert.equal(code, 0);
        assert.deepEqual(await tables(), before);
    });

    test('in-flight requests past MAX_IN_FLIGHT are refused with Retry-After', async () => {
        const client = stack.clientOf(await stack.serve('settings-in-flight', { env: { MAX_IN_FLIGHT: '2' } }));
        const orders = Array.from({ length: 6 }, () => stack.order());
        await stack.twin.fault({ operation: 'create', fault: 'delay', count: 0, delay_ms: 500 });
        const answers = await Promise.all(orders.map((terms) => client.create(terms, { expect: undefined })));
        await stack.twin.clearFaults();
        const refused = answers.filter(({ status }) => status === 503);
        assert.ok(refused.length >= 1 && refused.length <= 4, `${refused.length} refused`);
        for (const { json, headers } of refused) {
            assert.equal(json.code, 'overloaded');
            assert.match(headers['retry-after'], /^[1-9][0-9]*$/);
        }
    });

    test('and so is one whose body comes when others have taken its place', async () => {
        const service = await stack.serve('settings-late-body', { env: { MAX_IN_FLIGHT: '1' } });
        const client = stack.clientOf(service);
        const late = await RawConnection.open(service.base);
        const body = JSON.stringify(stack.order());
        late.send(`POST /v1/checkout-sessions HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${service.tokens.storefront}\r\n`
            + `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nExpect: 100-continue\r\n\r\n`);
        assert.equal((await late.answer()).status, 100, 'there is room for it');
        const terms = stack.order();
        await stack.twin.fault({ operation: 'create', match: terms.merchantOrderId, fault: 'delay', delay_ms: 4_000 });
        const other = client.create(terms);
        await stack.twin.called({ operation: 'create', reference: terms.merchantOrderId });
        late.send(body);
        const { status, headers, text } = await late.answer();
        assert.deepEqual([status, JSON.parse(text).code], [503, 'overloaded']);
        assert.match(headers['retry-after'], /^[1-9][0-9]*$/);
        assert.equal((await other).status, 201);
        late.close();
    });

    test('requests past RATE_LIMIT_PER_SECOND are 429 with Retry-After, per token', async () => {
        const service = await stack.serve('settings-rate', { env: { RATE_LIMIT_PER_SECOND: '5' } });
        const client = stack.clientOf(service);
        const answers = [];
        const began = performance.now();
        for (let i = 0; i < 40; i++) answers.push(await client.order('no-such-order', { expect: undefined }));
        const elapsed = (performance.now() - began) / 1000;
        const limited = answers.filter(({ status }) => status === 429);
        assert.ok(limited.length >= 40 - 6 - 5 * elapsed, `${limited.length} of 40 limited in ${elapsed} s`); // a burst, and the rate
        for (const { json, headers } of limited) {
            assert.equal(json.code, 'rate_limited');
            assert.match(headers['retry-after'], /^[1-9][0-9]*$/);
        }
        await client.as(service.tokens.finance).order('no-such-order', { expect: [404, 'order_not_found'] });
    });
});
