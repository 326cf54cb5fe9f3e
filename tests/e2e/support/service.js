// The service as a process: its settings, its start, its readiness, its end.
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { artifacts, checkoutBinary, eventually, freePort } from './environment.js';
import { exchange } from './http.js';
import { ChildProcess } from './process.js';

const secret = (prefix) => `${prefix}${randomBytes(24).toString('hex')}`;
/** What a storefront is given to check signatures with (openapi.yaml, checkoutSuccess). */
export const storefrontKeyOf = (signingKey) =>
    createHmac('sha256', signingKey).update('clink-checkout/redirect-signature/v1').digest();
export const sha256Hex = (text) => createHash('sha256').update(text).digest('hex');

/** Tokens by name; the name is the scope, `all` has every one. */
export function makeTokens() {
    const names = { storefront: 'storefront', finance: 'finance', operator: 'operator', all: 'storefront+finance+operator' };
    const tokens = {};
    const lines = [];
    for (const [name, scopes] of Object.entries(names)) {
        tokens[name] = secret(`tok_${name}_`);
        lines.push(`${name}:${scopes}:${sha256Hex(tokens[name])}`);
    }
    return { tokens, lines };
}

export class Service {
    /** `tls` is what a client needs where `env` turns TLS on; `like` is a service whose tokens and signing key it shares. */
    constructor(label, { databaseUrl, clinkUrl, clinkKey, redirects = true, env = {}, tls, like }) {
        this.label = label;
        this.tls = tls;
        const { tokens, lines } = like ?? makeTokens();
        this.tokens = tokens;
        this.lines = lines;
        this.signingKey = like?.signingKey ?? secret('sign_');
        this.webhookKeys = (env.CLINK_WEBHOOK_SIGNING_KEY ?? '').split(',').filter(Boolean);
        this.clinkKey = clinkKey;
        this.redirects = redirects;
        this.settings = {
            DATABASE_URL: databaseUrl,
            DATABASE_POOL_SIZE: '4',
            CLINK_API_BASE_URL: clinkUrl,
            CLINK_API_KEY: clinkKey,
            API_TOKENS: lines.join(','),
            SWEEP_INTERVAL_SECONDS: '0',
            LOG_LEVEL: 'debug',
            ...env,
        };
    }

    get secrets() {
        return [this.clinkKey, this.signingKey, ...this.webhookKeys, ...Object.values(this.tokens)];
    }

    /** Starts it on free ports (the same ones again on a restart) and awaits readiness. `env` is for this process only. */
    async start({ awaitReady = true, binary = checkoutBinary, env: more = {} } = {}) {
        this.ports ??= { main: await freePort(), admin: await freePort() };
        this.base = `${this.settings.TLS_CERT_FILE ? 'https' : 'http'}://127.0.0.1:${this.ports.main}`;
        this.admin = `http://127.0.0.1:${this.ports.admin}`;
        const env = {
            LISTEN_ADDRESS: `127.0.0.1:${this.ports.main}`,
            ADMIN_LISTEN_ADDRESS: `127.0.0.1:${this.ports.admin}`,
            ...(this.redirects ? { PUBLIC_BASE_URL: this.base, REDIRECT_SIGNING_KEY: this.signingKey } : {}),
            ...this.settings,
            ...more,
        };
        this.process = new ChildProcess(`service-${this.label}`, binary, ['serve'], env);
        if (awaitReady) await this.ready();
        return this;
    }

    ready() {
        return this.readiness(200);
    }

    /** Awaits `GET /readyz` answering `status`. */
    readiness(status, seconds = 15) {
        return eventually(
            `${this.label}: /readyz answers ${status}`,
            async () => {
                if (this.process.exit)
                    throw new Error(`the service exited (${JSON.stringify(this.process.exit)}):\n${this.process.stderr}`);
                const answer = await exchange(this.admin, { path: '/readyz' }).catch(() => undefined);
                return answer?.status === status;
            },
            seconds,
        );
    }

    /** Keeps what `ps` shows of it, for the check on secrets. */
    recordArguments() {
        const shown = execFileSync('ps', ['-o', 'args=', '-p', String(this.process.pid)], { encoding: 'utf8' });
        writeFileSync(join(artifacts(), `ps-${this.label}-${this.process.pid}.txt`), shown);
    }

    async stop(signal) {
        if (!this.process) return undefined;
        if (!this.process.exit) this.recordArguments();
        return this.process.stop(signal);
    }

    async restart(signal) {
        await this.stop(signal);
        return this.start();
    }

    get storefrontKey() {
        return storefrontKeyOf(this.signingKey);
    }
}

/** Notes strings that must show up nowhere. */
export function recordSecrets(strings) {
    appendFileSync(join(artifacts(), 'secrets.jsonl'), strings.map((text) => `${JSON.stringify(text)}\n`).join(''));
}
