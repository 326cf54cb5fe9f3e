// What deploy/kubernetes/apply needs to be there before it changes anything, with a kubectl that knows some Secrets and does nothing.
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
*jsonpath*) printf 1 ;;
esac
`, { mode: 0o755 });

/** Applies `overlay`, changed by `change`, where these Secrets are: what it said, its status, and what kubectl was asked for. */
function apply(overlay, secrets, change = () => {}) {
    const manifests = Manifests.build(path(`../../../deploy/kubernetes/overlays/${overlay}`));
    change(manifests);
    const file = join(directory, 'manifests.yaml');
    const calls = join(directory, 'calls');
    writeFileSync(file, manifests.documents.map((document) => stringify(document)).join('---\n'));
    writeFileSync(calls, '');
    const env = { ...process.env, KUBECTL: kubectl, CALLS: calls, SECRETS: secrets.join(' ') };
    const { status, stderr } = spawnSync(path('../../../deploy/kubernetes/apply'), [file], { env, encoding: 'utf8' });
    return { status, stderr, calls: readFileSync(calls, 'utf8').split('\n') };
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
    it('does not ask for a certificate that no manifest names', () => {
        assert.equal(apply('sandbox', own).status, 0);
    });
});
