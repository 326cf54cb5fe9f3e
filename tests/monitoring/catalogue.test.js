// deploy/monitoring/README.md's catalogue and what the service says of itself at GET /metrics: the same, in both directions.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Authority } from '../e2e/support/certificates.js';
import { asSuperuser, Database } from '../e2e/support/database.js';
import { eventually } from '../e2e/support/environment.js';
import { exchange } from '../e2e/support/http.js';
import { Service } from '../e2e/support/service.js';
import { alerts, catalogue, dashboardQueries, recorded } from './support/documents.js';
import { readExposition } from './support/exposition.js';
import { readPromql } from './support/promql.js';
import { promtool } from './support/promtool.js';

let authority, database, service, text, families;

const metricsOf = async () => (await exchange(service.admin, { path: '/metrics' })).text;

/** With TLS, after a request, and with a database that was away: then every family has a series. */
before(async () => {
    authority = await Authority.create('catalogue');
    const tls = await authority.issue('service', ['IP:127.0.0.1']);
    database = await Database.create();
    await database.migrate();
    service = new Service('catalogue', {
        databaseUrl: database.serverUrl,
        clinkUrl: 'http://127.0.0.1:9/api', // never asked: there is nothing to ask about
        clinkKey: 'unused',
        redirects: false,
        env: { SWEEP_INTERVAL_SECONDS: '1', TLS_CERT_FILE: tls.certFile, TLS_KEY_FILE: tls.keyFile },
        tls: { ca: tls.ca },
    });
    await service.start();
    await exchange(service.base, { path: '/nowhere', tls: { ca: tls.ca } });
    for (const name of ['checkout_record_read_timestamp_seconds', 'checkout_finance_as_of_timestamp_seconds'])
        await eventually(`the record is read: ${name}`, async () => (await metricsOf()).includes(`\n${name} `));
    await asSuperuser(database.cluster, async (client) => {
        await client.query(`alter role ${database.server.role} nologin`);
        await client.query('select pg_terminate_backend(pid) from pg_stat_activity where usename = $1', [database.server.role]);
    });
    await service.readiness(503);
    text = await eventually('failed operations are counted', async () => {
        const now = await metricsOf();
        return now.includes('\ncheckout_database_operations_failed_total{') && now;
    });
    families = readExposition(text);
});

after(async () => {
    await service?.stop();
    await database?.drop();
    authority?.remove();
});

test('promtool has nothing to say about /metrics', () => {
    const { status, text: said } = promtool(['check', 'metrics'], text);
    assert.deepEqual({ status, said }, { status: 0, said: '' });
});

test('the catalogue has the metrics that the service has, of the same type and meaning, and no others', () => {
    const plain = (entries) => entries.map(([name, { type, help }]) => `${name} ${type}: ${help}`).sort();
    assert.deepEqual(plain([...catalogue]), plain([...families]));
});

test('series have the labels of the catalogue', () => {
    for (const [name, { series }] of families)
        for (const { labels } of series)
            assert.deepEqual(Object.keys(labels).filter((label) => label !== 'le').sort(), [...catalogue.get(name).labels].sort(), name);
});

test('labels have no other values than those of the catalogue', () => {
    for (const [name, { values }] of catalogue)
        for (const [label, allowed] of Object.entries(values))
            for (const { labels } of families.get(name).series) assert.ok(allowed.includes(labels[label]), `${name}: ${labels[label]}`);
});

test('series that are waited for begin at 0, so that their first increase is seen', () => {
    const complete = [
        'checkout_attempts_total', 'checkout_webhooks_total', 'checkout_time_to_know_seconds', 'checkout_payments_recorded_total',
        'checkout_clink_call_duration_seconds', 'checkout_discrepancies_open', 'checkout_sessions', 'checkout_log_lines_total',
    ];
    for (const name of complete)
        for (const [label, values] of Object.entries(catalogue.get(name).values))
            assert.deepEqual([...new Set(families.get(name).series.map(({ labels }) => labels[label]))].sort(), [...values].sort(), name);
});

test('buckets that are asked for exist', () => {
    const expressions = [...alerts, ...recorded, ...dashboardQueries()].map(({ expr }) => expr);
    let asked = 0;
    for (const { name, matchers } of expressions.flatMap((expr) => readPromql(expr).selectors))
        for (const { op, value } of matchers.filter(({ label }) => label === 'le')) {
            ++asked;
            const { series } = families.get(name.replace(/_bucket$/, ''));
            const isAsked = (le) => (op === '=~' ? new RegExp(`^(?:${value})$`).test(le) : le === value);
            assert.ok(series.some(({ labels }) => labels.le !== undefined && isAsked(labels.le)), `${name} le${op}${value}`);
        }
    assert.ok(asked >= 3);
});
