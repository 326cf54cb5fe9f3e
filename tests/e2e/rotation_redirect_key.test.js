// The key of the redirects is replaced while checkout addresses made with the old one are out: both keys verify before the new
// one signs, and the shop knows both before it sees the new one's signature. Whoever is on Clink's page meanwhile can leave
// and come back as if nothing had happened.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';

import { closeAll, Fleet } from './support/fleet.js';
import { Load } from './support/load.js';
import { SecretVolume } from './support/secret_volume.js';
import { recordSecrets, storefrontKeyOf } from './support/service.js';

const [old, fresh] = Array.from({ length: 2 }, () => `sign_${randomBytes(24).toString('hex')}`);

let volume;
let fleet;
let load;
before(async () => {
    recordSecrets([old, fresh]);
    volume = new SecretVolume({ 'redirect-keys': `${old}\n` });
    const env = { REDIRECT_SIGNING_KEY: undefined, REDIRECT_SIGNING_KEY_FILE: volume.path('redirect-keys') };
    fleet = await Fleet.start('rotation-redirect-key', { env });
    load = new Load({ ...fleet.shop(), storefrontKeys: [storefrontKeyOf(old)] });
});
after(() => closeAll({ load, fleet, volume }));

/** A customer who is on Clink's page, and one who thinks about it. */
async function onThePage() {
    const terms = fleet.stack.order();
    const { json } = await fleet.api.create(terms);
    return { ...json, terms };
}
const twoCustomers = async () => [await onThePage(), await onThePage()];

async function paysAndComesBack(session) {
    load.land(await load.visit(await fleet.stack.twin.payOnPage(session.url)), session, 'paid');
    assert.equal((await fleet.finance.order(session.merchantOrderId)).json.state, 'paid');
}

async function leaves({ url, terms }) {
    assert.equal((await load.visit(await fleet.stack.twin.leavePage(url))).href, terms.cancelUrl);
}

/** What the replicas are restarted with, one after the other; between the two every customer of the load was there. */
async function becomes(keys) {
    volume.update({ 'redirect-keys': `${keys.join()}\n` });
    await fleet.rollHalf();
    await load.round();
    await fleet.roll();
    await load.round();
}

test('both verify, the shop learns the new one, the new one signs, the old one is taken away', async (t) => {
    await load.round();
    const [waiting, patient, late] = [await twoCustomers(), await twoCustomers(), await twoCustomers()];

    await becomes([old, fresh]);
    await paysAndComesBack(waiting[0]);
    await leaves(waiting[1]);

    load.storefrontKeys = [storefrontKeyOf(old), storefrontKeyOf(fresh)];
    const between = await twoCustomers();
    await becomes([fresh, old]);
    load.storefrontKeys = [storefrontKeyOf(fresh)];
    await load.round();
    for (const [pays, goes] of [patient, between]) {
        await paysAndComesBack(pays);
        await leaves(goes);
    }

    const [, kept] = await twoCustomers();
    await becomes([fresh]);
    await leaves(kept);
    // Whose page is older than the old key's end still pays and is sent back; only the way out of the page is gone.
    await paysAndComesBack(late[0]);
    const token = (await fleet.stack.twin.leavePage(late[1].url)).split('/').pop();
    await fleet.api.left(token, { expect: 404 });
    assert.equal((await fleet.api.order(late[1].merchantOrderId)).json.state, 'unpaid');

    await load.stop();
    t.diagnostic(`${load.requests} requests`);
});
