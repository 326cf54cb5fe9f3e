// PostgreSQL goes and comes back under the running service; and a cluster in which nothing has been prepared.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { checkoutBinary } from './support/environment.js';
import { asSuperuser, Cluster, Database } from './support/database.js';
import { runToEnd } from './support/process.js';
import { Service } from './support/service.js';
import { Stack } from './support/stack.js';

let cluster;
let stack;
before(async () => (cluster = await Cluster.create()));
after(async () => {
    await stack?.close();
    await cluster?.remove();
});

describe('a cluster without the roles', () => {
    test('migrate as an owner who may not make them says which SQL to run', async () => {
        const database = await Database.create(cluster.url);
        const migrate = () => runToEnd('migrate', checkoutBinary, ['migrate'], { DATABASE_URL: database.ownerUrl });
        const first = await migrate();
        assert.equal(first.code, 1, first.stderr);
        const said = `${first.stdout}\n${first.stderr}`;
        assert.ok(!said.includes(database.owner.password));
        const statements = said.match(/create role [^;]*;/gi) ?? [];
        assert.ok(statements.length >= 2, said);
        await asSuperuser(cluster.url, async (client) => {
            for (const statement of statements) await client.query(statement.replaceAll('\\n', '\n').replaceAll('\\"', '"'));
        });
        const second = await migrate();
        assert.equal(second.code, 0, second.stderr);
        await database.drop();
        await asSuperuser(cluster.url, async (client) => {
            for (const role of ['checkout_service', 'finance_reader']) await client.query(`drop role ${role}`);
        });
    });

    test('migrate as an owner who may makes them, also twice at once', async () => {
        const databases = [await Database.create(cluster.url), await Database.create(cluster.url)];
        await asSuperuser(cluster.url, async (client) => {
            for (const { owner } of databases) await client.query(`alter role ${owner.role} createrole`);
        });
        const results = await Promise.all(
            databases.flatMap(({ ownerUrl }) =>
                [1, 2].map(() => runToEnd('migrate', checkoutBinary, ['migrate'], { DATABASE_URL: ownerUrl })),
            ),
        );
        for (const { code, stderr } of results) assert.equal(code, 0, stderr);
        for (const database of databases) {
            const [{ count }] = await database.query("select count(*)::int from pg_class where relnamespace = 'checkout'::regnamespace");
            assert.ok(count > 0);
            await database.drop();
        }
    });

    test('a service on a database that was not migrated is not ready, and says why', async () => {
        const database = await Database.create(cluster.url);
        const service = new Service('unmigrated', {
            databaseUrl: database.serverUrl,
            clinkUrl: 'http://127.0.0.1:9/api',
            clinkKey: 'sk_test_unused',
        });
        await asSuperuser(cluster.url, (client) => client.query(`grant checkout_service to ${database.server.role}`));
        await service.start({ awaitReady: false });
        await service.readiness(503);
        assert.equal((await service.stop()).code, 0);
        await database.drop();
    });
});

describe('PostgreSQL stops and starts', () => {
    let terms;
    let session;
    before(async () => {
        stack = await Stack.start('outage', { cluster: cluster.url });
        terms = stack.order();
        session = (await stack.api.create(terms)).json;
    });

    const gone = [503, 'database_unavailable'];

    test('meanwhile 503 with Retry-After; afterwards healthy by itself', async () => {
        const pid = stack.service.process.pid;
        for (let round = 0; round < 2; round++) {
            await stack.database.disconnect();
            await cluster.stop();
            const before = await stack.twin.callCount();
            const answers = [
                await stack.api.create(stack.order(), { expect: gone }),
                await stack.api.create(terms, { expect: gone }),
                await stack.api.order(terms.merchantOrderId, { expect: gone }),
                await stack.api.session(session.sessionId, { expect: gone }),
                await stack.api.refresh(session.sessionId, { expect: gone }),
                await stack.api.cancel(terms.merchantOrderId, { expect: gone }),
                await stack.finance.payments({}, { expect: gone }),
                await stack.api.success(session.sessionId, { expect: 503 }),
                await stack.api.success(session.sessionId, { headers: { accept: 'application/json' }, expect: gone }),
            ];
            for (const { headers, text } of answers) {
                assert.match(headers['retry-after'], /^[1-9][0-9]*$/);
                assert.doesNotMatch(text, /psql|pqxx|libpq|connection to server|SQLSTATE/i, 'no inner text');
            }
            assert.equal(await stack.twin.callCount(), before, 'nothing goes to Clink that cannot be recorded');
            await stack.service.readiness(503);
            const { json: readiness } = await stack.api.call('readyz', { expect: 503 });
            assert.deepEqual(readiness.reasons, ['database_unreachable']);
            await stack.api.call('livez', { expect: 200 });
            await stack.api.as(null).call('getOpenapi', { expect: 200 });

            await cluster.start();
            await stack.service.readiness(200);
            assert.equal((await stack.api.create(terms, { expect: 200 })).json.sessionId, session.sessionId);
            await stack.api.create(stack.order());
        }
        assert.equal(stack.service.process.pid, pid);
        assert.equal(stack.service.process.exit, undefined);
    });

    test('connections that the server ends are replaced', async () => {
        const ended = await stack.database.query(
            'select pg_terminate_backend(pid) from pg_stat_activity where usename = $1',
            [stack.database.server.role],
        );
        assert.ok(ended.length >= 1);
        await stack.service.readiness(200);
        let failures = 0;
        for (let i = 0; i < 20; i++) {
            const { status } = await stack.api.order(terms.merchantOrderId, { expect: undefined });
            if (status !== 200) failures++;
        }
        assert.ok(failures <= 4, `${failures} of 20 reads failed, with a pool of 4`);
        await stack.api.order(terms.merchantOrderId);
    });

    test('a create that was on its way is never lost: the next request finds the truth', async () => {
        const order = stack.order();
        await stack.twin.fault({ operation: 'create', fault: 'delay', match: order.merchantOrderId, delay_ms: 5_000 });
        const create = stack.api.create(order, { expect: undefined });
        await stack.twin.called({ operation: 'create', reference: order.merchantOrderId });
        await stack.database.disconnect();
        await cluster.stop();
        const { status, json } = await create;
        assert.equal(status, 503, JSON.stringify(json));
        assert.equal(json.url, undefined);
        await cluster.start();
        await stack.service.readiness(200);

        const { json: found } = await stack.api.order(order.merchantOrderId);
        assert.ok(['creating', 'dark'].includes(found.attempts[0].status), found.attempts[0].status);
        assert.equal(found.attempts[0].releasedAt, null);
    });
});
