// Clink's API key is replaced: while Clink takes both, the replicas are restarted one by one with the new one in their
// mounted Secret; then Clink takes the new one alone. Nobody who buys notices.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';

import { closeAll, Fleet } from './support/fleet.js';
import { Load } from './support/load.js';
import { SecretVolume } from './support/secret_volume.js';
import { recordSecrets } from './support/service.js';

const freshKey = `sk_test_${randomBytes(24).toString('hex')}`;

let volume;
let fleet;
let load;
before(async () => {
    recordSecrets([freshKey]);
    volume = new SecretVolume({ 'clink-api-key': '' });
    fleet = await Fleet.start('rotation-clink-key', {
        env: { CLINK_API_KEY: undefined, CLINK_API_KEY_FILE: volume.path('clink-api-key') },
        prepare: ({ twin }) => volume.update({ 'clink-api-key': `${twin.apiKey}\n` }),
    });
    load = new Load({ ...fleet.shop(), storefrontKeys: [fleet.stack.service.storefrontKey] });
});
after(() => closeAll({ load, fleet, volume }));

const unauthorized = async () => (await fleet.stack.twin.control('GET', 'stats')).answers['401'] ?? 0;

test('Clink takes both, the replicas move, Clink takes the new one alone', async (t) => {
    const { twin } = fleet.stack;
    await load.round();
    await twin.settings({ api_keys: [twin.apiKey, freshKey] });
    volume.update({ 'clink-api-key': `${freshKey}\n` });
    await fleet.rollHalf();
    await load.round(); // one replica with each
    await fleet.roll();
    await load.round();

    await twin.settings({ api_keys: [freshKey] });
    await load.round();
    assert.equal(await unauthorized(), 0);
    t.diagnostic(`${load.requests} requests`);
});

test('a key that Clink does not take any more: pages are refused, payments are known once the key is right', async () => {
    const { twin } = fleet.stack;
    const { json: session } = await fleet.api.create(fleet.stack.order());
    await load.stop();
    await twin.settings({ api_keys: [] });
    await fleet.api.create(fleet.stack.order(), { expect: [502, 'clink_rejected'] });
    await twin.pay(session.sessionId);
    const { json: meanwhile } = await fleet.api.refresh(session.sessionId);
    assert.deepEqual([meanwhile.paid, meanwhile.stale], [false, true]);

    await twin.settings({ api_keys: [freshKey] });
    const { json: then } = await fleet.api.refresh(session.sessionId);
    assert.deepEqual([then.paid, then.stale], [true, false]);
});
