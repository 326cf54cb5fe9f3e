// The database's password is replaced: by a second role, which loses nothing in any order of events; and in place, where the
// connections that are open live on while the replicas are restarted one by one.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';

import { connect } from './support/database.js';
import { eventually } from './support/environment.js';
import { closeAll, Fleet } from './support/fleet.js';
import { exchange } from './support/http.js';
import { Load } from './support/load.js';
import { SecretVolume } from './support/secret_volume.js';
import { recordSecrets } from './support/service.js';

const poolSize = 4;

let volume;
let fleet;
let load;
let database;
before(async () => {
    volume = new SecretVolume({ 'database-url': '' });
    fleet = await Fleet.start('rotation-database', {
        env: { DATABASE_URL: undefined, DATABASE_URL_FILE: volume.path('database-url'), DATABASE_POOL_SIZE: String(poolSize) },
        prepare: (stack) => {
            database = stack.database;
            write(database.server);
        },
    });
    load = new Load({ ...fleet.shop(), storefrontKeys: [fleet.stack.service.storefrontKey] });
});
after(() => closeAll({ load, fleet, volume }));

const write = (login) => volume.update({ 'database-url': `${database.urlOf(login)}\n` });

async function connectionsOf({ role }) {
    const [{ count }] = await database.query('select count(*)::int from pg_stat_activity where usename = $1', [role]);
    return count;
}

const refused = (login) => assert.rejects(connect(database.urlOf(login)), ({ code }) => ['28P01', '28000'].includes(code));

test('by a second role: both may serve, the replicas move, the first one is shut out', async (t) => {
    const [old, fresh] = [database.server, await database.addServer()];
    await load.round();
    write(fresh);
    await fleet.rollHalf();
    await load.round(); // one replica with each
    assert.ok((await connectionsOf(old)) > 0 && (await connectionsOf(fresh)) > 0);
    await fleet.roll();

    await eventually('nobody is connected as the first', async () => (await connectionsOf(old)) === 0);
    await database.query(`alter role ${old.role} nologin`);
    await refused(old);
    await load.round();
    t.diagnostic(`${load.requests} requests`);
});

test('in place: open connections live on, the replicas are restarted with the new one', async () => {
    const fresh = await database.addServer();
    write(fresh);
    await fleet.roll();
    await everyConnectionIsOpen();

    const changed = { ...fresh, password: randomBytes(12).toString('hex') };
    recordSecrets([changed.password]);
    const before = await connectionsOf(fresh);
    await database.query(`alter role ${fresh.role} password '${changed.password}'`);
    await refused(fresh);
    await load.round();
    assert.equal(await connectionsOf(fresh), before);

    write(changed);
    await fleet.rollHalf();
    await load.round();
    await fleet.roll();
    await load.round();
});

/** A thread of a pool connects with its first question, and may not be able to any more after a change in place. */
async function everyConnectionIsOpen() {
    const { json: session } = await fleet.api.create(fleet.stack.order());
    for (const service of fleet.replicas) {
        const client = fleet.stack.clientOf(service);
        await eventually(`${service.label} has opened its pool`, async () => {
            await Promise.all(Array.from({ length: 16 * poolSize }, () => client.session(session.sessionId)));
            const { text } = await exchange(service.admin, { path: '/metrics' });
            return text.includes(`\ncheckout_database_connections{pool="main"} ${poolSize}\n`);
        }, 30);
    }
}
