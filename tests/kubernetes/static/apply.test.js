// What deploy/kubernetes/apply needs to be there before it changes anything, and how it waits for the migration, with a kubectl that
// knows some Secrets and a Job's states, and does nothing.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';

import { stringify } from 'yaml';

import { Manifests } from './manifests.js';

const path = (relative) => new URL(relative, import.meta.url).pathname;
const directory = mkdtempSync(join(tmpdir(), 'clink-checkout-apply.'));
after(() => rmSync(directory, { recursive: true, force: true }));

const kubectl = join(directory, 'kubectl');
writeFileSync(kubectl, `#!/bin/sh
echo "$*" >>"$CALLS"
case "$*" in
*' get secret '*) shift 4; case " $SECRETS " in *" $1 "*) exit 0 ;; esac; exit 1 ;;
*' get job '*) printf %s "$ENDS" ;;
*' get pods '*) printf %s "$WAITS" ;;
esac
`, { mode: 0o755 });

/** Applies `overlay`, changed by `change`, where these Secrets are: what it said, its status, and what kubectl was asked for. */
function apply(overlay, secrets, change = () => {}, { ends = 'SuccessCriteriaMet Complete', waits = '' } = {}) {
    const manifests = Manifests.build(path(`../../../deploy/kubernetes/overlays/${overlay}`));
    change(manifests);
    const file = join(directory, 'manifests.yaml');
    const calls = join(directory, 'calls');
    writeFileSync(file, manifests.documents.map((document) => stringify(document)).join('---\n'));
    writeFileSync(calls, '');
    const env = { ...process.env, KUBECTL: kubectl, CALLS: calls, SECRETS: secrets.join(' '), ENDS: ends, WAITS: waits, LOOK_SECONDS: '0' };
    const { status, stdout, stderr } = spawnSync(path('../../../deploy/kubernetes/apply'), [file], { env, encoding: 'utf8' });
    return { status, stdout, stderr, calls: readFileSync(calls, 'utf8').split('\n') };
}

const own = ['clink-checkout', 'clink-checkout-migrate'];
const rolled = ({ calls }) => calls.some((call) => call.includes('rollout status deployment/clink-checkout'));

describe('apply', () => {
    it('rolls the replicas where every Secret is', () => {
        const applied = apply('production', [...own, 'clink-checkout-ingress-tls']);
        assert.equal(applied.status, 0, applied.stderr);
        assert.ok(rolled(applied));
    });
    it('changes nothing where the ingress’ certificate is missing', () => {
        const applied = apply('production', own);
        assert.notEqual(applied.status, 0);
        assert.match(applied.stderr, /no Secret clink-checkout-ingress-tls/);
        assert.ok(!applied.calls.some((call) => /\b(apply|delete)\b/.test(call)));
    });
    it('leaves that Secret to cert-manager where the Ingress says so', () => {
        const applied = apply('production', own, (manifests) => {
            manifests.get('Ingress', 'clink-checkout').metadata.annotations = { 'cert-manager.io/cluster-issuer': 'letsencrypt' };
        });
        assert.equal(applied.status, 0, applied.stderr);
    });
    const untouched = ({ calls }) => !calls.some((call) => /^apply -f \S+$/.test(call) || call.includes('rollout'));
    it('leaves the replicas alone where the migration failed, and says why', () => {
        const applied = apply('sandbox', own, undefined, { ends: 'FailureTarget Failed' });
        assert.notEqual(applied.status, 0);
        assert.match(applied.stderr, /did not succeed/);
        assert.ok(untouched(applied));
        for (const asked of [/describe job/, /describe pods/, / logs /]) assert.ok(applied.calls.some((call) => asked.test(call)), String(asked));
    });
    for (const waits of ['ErrImagePull', 'ImagePullBackOff', 'InvalidImageName', 'CreateContainerConfigError'])
        it(`does not wait for what does not come: ${waits}`, () => {
            const applied = apply('sandbox', own, undefined, { ends: '', waits: `${waits} ` });
            assert.notEqual(applied.status, 0);
            assert.match(applied.stdout, new RegExp(`the migration waits: ${waits}`));
            assert.match(applied.stderr, new RegExp(`cannot start: ${waits}`));
            assert.ok(untouched(applied));
            assert.ok(applied.calls.some((call) => /describe pods/.test(call)));
        });
    it('does not ask for a certificate that no manifest names', () => {
        assert.equal(apply('sandbox', own).status, 0);
    });
});
