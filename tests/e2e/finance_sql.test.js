// Finance's views: an API in SQL. Their columns are pinned here; the role that reads them reads nothing else and writes nothing.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';

import { asSuperuser, connect } from './support/database.js';
import { lists, plain } from './support/finance.js';
import { assertComplete, World } from './support/finance_world.js';

const time = 'timestamp with time zone';
const views = {
    orders: {
        created_at: time, state: 'text', original_amount: 'numeric', original_currency: 'text', attempts: 'integer',
        payment_count: 'integer', refund_count: 'integer', cancelled_at: time, updated_at: time, merchant_order_id: 'text',
    },
    sessions: {
        created_at: time, attempt_id: 'uuid', session_id: 'text', clink_order_id: 'text', attempt: 'integer', status: 'text',
        payment_status: 'text', original_amount: 'numeric', original_currency: 'text', amount_total: 'numeric', payment_currency: 'text',
        verdict: 'text', ui_mode: 'text', released_at: time, expire_time: time, superseded_at: time, ended_at: time, settled_by: 'text',
        checked_at: time, refusal_code: 'text', customer_id: 'text', merchant_order_id: 'text', merchant_reference_id: 'text',
    },
    payments: {
        recorded_at: time, payment_id: 'bigint', session_id: 'text', clink_order_id: 'text', attempt: 'integer', kind: 'text',
        verdict: 'text', original_amount: 'numeric', original_currency: 'text', amount_total: 'numeric', payment_currency: 'text',
        amount_subtotal: 'numeric', clink_original_currency: 'text', refunded_amount: 'numeric', payment_time: time, evidence: 'text',
        subscription_id: 'text', invoice_id: 'text', merchant_order_id: 'text', merchant_reference_id: 'text',
    },
    refunds: {
        recorded_at: time, record_no: 'bigint', refund_id: 'text', clink_order_id: 'text', session_id: 'text', payment_id: 'bigint',
        status: 'text', refund_amount: 'numeric', refund_currency: 'text', refund_time: time, updated_at: time, evidence: 'text',
        failure_code: 'text', refund_merchant_order_id: 'text', merchant_order_id: 'text', merchant_reference_id: 'text',
        refund_reason: 'text',
    },
    discrepancies: {
        opened_at: time, discrepancy_id: 'bigint', kind: 'text', state: 'text', attempt: 'integer', session_id: 'text', resolved_at: time,
        resolved_by: 'text', merchant_order_id: 'text', subject: 'text', detail: 'jsonb', resolution: 'text', note: 'text',
    },
    events: {
        feed_no: 'bigint', event_id: 'bigint', at: time, kind: 'text', attempt: 'integer', session_id: 'text', source: 'text',
        request_id: 'text', merchant_order_id: 'text', data: 'jsonb',
    },
    daily_totals: {
        day: 'date', entry: 'text', currency: 'text', original_currency: 'text', state: 'text', payment_status: 'text', count: 'bigint',
        amount: 'numeric', original_amount: 'numeric', refunded_amount: 'numeric',
    },
};
const names = Object.keys(views);
const refused = { code: '42501' };

let world;
let database;
let finance; // a connection of somebody who is nothing but a finance_reader
let stranger; // and one of somebody who is nothing
const roles = [];

async function login(group) {
    const mark = randomBytes(5).toString('hex');
    const who = { role: `reader_${mark}`, password: randomBytes(12).toString('hex') };
    roles.push(who.role);
    await database.query(`create role ${who.role} login password '${who.password}'${group ? ` in role ${group}` : ''}`);
    return connect(database.urlOf(who));
}

before(async () => {
    world = await World.start('finance-sql');
    await world.build();
    ({ database } = world.stack);
    await assertComplete(database);
    finance = await login('finance_reader');
    stranger = await login();
});
after(async () => {
    await finance?.end();
    await stranger?.end();
    const { cluster } = world.stack.database;
    await world.close();
    await asSuperuser(cluster, async (client) => {
        for (const role of roles) await client.query(`drop role ${role}`);
    });
});

describe('the views', () => {
    test('are these, and nothing else is in their schema', async () => {
        const found = await database.query(
            `select relname as name, relkind as kind from pg_class where relnamespace = 'reconciliation'::regnamespace order by 1`,
        );
        assert.deepEqual(found, [...names].sort().map((name) => ({ name, kind: 'v' })));
    });

    for (const [view, columns] of Object.entries(views))
        test(`${view} has these columns, in this order`, async () => {
            const found = await database.query(
                `select column_name as name, data_type as type from information_schema.columns
                 where table_schema = 'reconciliation' and table_name = $1 order by ordinal_position`,
                [view],
            );
            assert.deepEqual(found.map(({ name, type }) => [name, type]), Object.entries(columns));
        });

    for (const [what, { members }] of Object.entries(lists))
        test(`${what} has the members of the API's items`, () => {
            const camel = (name) => name.replace(/_(.)/g, (_, letter) => letter.toUpperCase());
            assert.deepEqual(Object.keys(views[what]).map(camel), members);
        });

    test('say what they are, and so does each column', async () => {
        const undocumented = await database.query(
            `select c.relname as view, a.attname as column
             from pg_class c join pg_attribute a on a.attrelid = c.oid and (a.attnum > 0 or a.attname = 'tableoid')
             where c.relnamespace = 'reconciliation'::regnamespace and c.relkind = 'v'
               and coalesce(col_description(c.oid, a.attnum), '') !~ '[.]$'
             union all
             select c.relname, null from pg_class c
             where c.relnamespace = 'reconciliation'::regnamespace and c.relkind = 'v'
               and coalesce(obj_description(c.oid, 'pg_class'), '') !~ '[.]$'`,
        );
        assert.deepEqual(undocumented, []);
        const [{ said }] = await database.query(`select obj_description('reconciliation'::regnamespace, 'pg_namespace') as said`);
        assert.match(said ?? '', /\S/);
    });

    test('hold the whole record', async () => {
        for (const [view, table] of [
            ['orders', 'orders'], ['sessions', 'sessions'], ['payments', 'payments'], ['refunds', 'refunds'],
            ['discrepancies', 'discrepancies'],
        ]) {
            const [{ shown, kept }] = await database.query(
                `select (select count(*)::int from reconciliation.${view}) as shown, (select count(*)::int from checkout.${table}) as kept`,
            );
            assert.equal(shown, kept, view);
            assert.ok(kept > 0, view);
        }
    });

    test('give each session the first of its payments, and no renewal', async () => {
        const sessions = await database.query(
            `select s.attempt_id, s.clink_order_id, s.amount_total::text as amount from reconciliation.sessions s
             where s.payment_status = 'paid' order by 1`,
        );
        const payments = await database.query(
            `select distinct on (attempt_id) attempt_id, clink_order_id, amount_total::text as amount from checkout.payments
             where kind = 'payment' order by attempt_id, payment_id`,
        );
        assert.deepEqual(sessions, payments);
        assert.ok(sessions.length > 20);
    });

    test('daily totals foot with sessions, payments and refunds', async () => {
        const rows = await database.query(
            `select entry, sum(count)::int as count, sum(amount)::text as amount, sum(refunded_amount)::text as refunded
             from reconciliation.daily_totals where currency = 'USD' group by 1 order by 1`,
        );
        const [payments] = await database.query(
            `select count(*)::int as count, sum(amount_total)::text as amount, sum(refunded_amount)::text as refunded
             from checkout.payments where payment_currency = 'USD' and kind = 'payment'`,
        );
        const [refunds] = await database.query(
            `select count(*)::int as count, sum(amount)::text as amount from checkout.refunds where currency = 'USD'`,
        );
        const [sessions] = await database.query(
            `select count(*)::int as count, sum(original_amount)::text as amount from checkout.sessions where original_currency = 'USD'`,
        );
        const of = (name) => rows.find(({ entry }) => entry === name);
        const brief = ({ count, amount }) => [count, plain(amount)];
        assert.deepEqual([...brief(of('payment')), plain(of('payment').refunded)], [...brief(payments), plain(payments.refunded)]);
        assert.deepEqual(brief(of('refund')), brief(refunds));
        assert.deepEqual(brief(of('session')), brief(sessions));
        assert.deepEqual(rows.map(({ entry }) => entry), ['payment', 'refund', 'renewal', 'session']);
    });

    test('hold no page and no secret', async () => {
        const secrets = [...(await world.stack.twin.secrets()), ...world.stack.service.secrets];
        for (const view of names) {
            const text = JSON.stringify(await database.query(`select v::text as row from reconciliation.${view} v`));
            assert.ok(!text.includes('/pay/'), view);
            for (const secret of secrets) assert.ok(!text.includes(secret), view);
        }
    });
});

describe('a finance_reader', () => {
    for (const view of names)
        test(`reads ${view}`, async () => {
            const { rows } = await finance.query(`select * from reconciliation.${view}`);
            if (view !== 'events') assert.ok(rows.length > 0);
            assert.deepEqual((await finance.query(`select * from reconciliation.${view} limit 0`)).fields.map(({ name }) => name),
                Object.keys(views[view]));
        });

    test('reads the totals of a range', async () => {
        const { rows } = await finance.query(`select * from reconciliation.totals(now() - interval '1 hour', now() + interval '1 hour')`);
        const { rows: all } = await finance.query('select * from reconciliation.daily_totals');
        const sorted = (each) => each.map((row) => JSON.stringify(row)).sort();
        assert.deepEqual(sorted(rows), sorted(all));
        assert.ok(rows.length > 10);
        const none = await finance.query(`select * from reconciliation.totals('2001-01-01', '2001-01-02')`);
        assert.deepEqual(none.rows, []);
    });

    test('reads no table', async () => {
        const tables = await database.query(
            `select relname as name from pg_class where relnamespace = 'checkout'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'S', 'f')`,
        );
        assert.ok(tables.length >= 10);
        for (const { name } of tables) await assert.rejects(finance.query(`select * from checkout.${name}`), refused, name);
    });

    test('has no right on anything of ours but to read the views', async () => {
        const rights = await database.query(
            `select c.relnamespace::regnamespace::text || '.' || c.relname as thing, x.privilege_type as may
             from pg_class c, aclexplode(c.relacl) x
             where x.grantee in ('finance_reader'::regrole, 0) and c.relnamespace not in ('pg_catalog'::regnamespace,
                 'information_schema'::regnamespace)
             order by 1, 2`,
        );
        assert.deepEqual(rights, [...names].sort().map((name) => ({ thing: `reconciliation.${name}`, may: 'SELECT' })));
        const [schemas] = await database.query(
            `select has_schema_privilege('finance_reader', 'checkout', 'usage') or has_schema_privilege('finance_reader', 'checkout', 'create')
                 or has_schema_privilege('finance_reader', 'reconciliation', 'create')
                 or has_schema_privilege('finance_reader', 'public', 'create') as may`,
        );
        assert.equal(schemas.may, false);
        const memberships = await database.query(`select roleid::regrole::text from pg_auth_members where member = 'finance_reader'::regrole`);
        assert.deepEqual(memberships, []);
    });

    test('writes nothing', async () => {
        for (const view of names) {
            const [column] = Object.keys(views[view]);
            for (const statement of [
                `insert into reconciliation.${view} (${column}) values (null)`, `update reconciliation.${view} set ${column} = null`,
                `delete from reconciliation.${view}`,
            ])
                await assert.rejects(finance.query(statement), { code: /^(42501|55000)$/ }, statement);
        }
        for (const statement of [
            'create table reconciliation.x ()', 'create view reconciliation.x as select 1', 'create table public.x ()', 'create schema x',
            'set role checkout_service', "insert into checkout.events (order_id, kind) values (1, 'x')", 'truncate checkout.feed',
            'delete from checkout.feed_pending', 'drop view reconciliation.orders', "comment on view reconciliation.orders is ''",
        ])
            await assert.rejects(finance.query(statement), refused, statement);
    });
});

test('nobody else reads the views', async () => {
    for (const view of names) await assert.rejects(stranger.query(`select * from reconciliation.${view}`), refused, view);
    await assert.rejects(stranger.query(`select * from reconciliation.totals('-infinity', 'infinity')`), refused);
});
