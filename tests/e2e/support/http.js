// HTTP as the tests need it: node:http without conveniences that hide something, and a raw socket for what no well-behaved
// client sends.
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';

const agents = {
    'http:': new http.Agent({ keepAlive: true, maxSockets: 256 }),
    'https:': new https.Agent({ keepAlive: true, maxSockets: 256 }),
};

/**
 * One exchange; redirects are not followed. `{status, headers, text}`, header names lower case. `tls` holds node's options
 * (`ca`, `cert`, `key`, ...) for an https base.
 */
export function exchange(base, { method = 'GET', path, headers = {}, body, tls = {} }) {
    const { protocol, hostname, port } = new URL(base);
    const { request: open } = protocol === 'https:' ? https : http;
    const options = { agent: agents[protocol], hostname, port, method, path, headers, ...tls };
    return new Promise((done, failed) => {
        const request = open(options, (response) => {
            const chunks = [];
            response.on('data', (chunk) => chunks.push(chunk));
            response.on('error', failed);
            response.on('end', () => {
                const text = Buffer.concat(chunks).toString('utf8');
                done({ status: response.statusCode, headers: response.headers, text });
            });
        });
        request.on('error', failed);
        request.end(body);
    });
}

export class RawConnection {
    static async open(base) {
        const { hostname, port } = new URL(base);
        const connection = new RawConnection();
        connection.received = Buffer.alloc(0);
        connection.socket = net.connect({ host: hostname, port: Number(port) });
        connection.waiters = [];
        connection.socket.on('data', (chunk) => {
            connection.received = Buffer.concat([connection.received, chunk]);
            connection.#wake();
        });
        connection.socket.on('error', () => {});
        connection.socket.on('close', () => {
            connection.closed = true;
            connection.#wake();
        });
        await new Promise((done, failed) => connection.socket.once('connect', done).once('error', failed));
        return connection;
    }

    send(text) {
        this.socket.write(text);
    }

    /** The next answer, by its Content-Length; undefined when the peer closes without one. */
    async answer({ head = false } = {}) {
        for (;;) {
            const end = this.received.indexOf('\r\n\r\n');
            if (end >= 0) {
                const [first, ...lines] = this.received.subarray(0, end).toString('latin1').split('\r\n');
                const headers = Object.fromEntries(
                    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
                );
                const length = head ? 0 : Number(headers['content-length'] ?? 0);
                if (this.received.length >= end + 4 + length) {
                    const text = this.received.subarray(end + 4, end + 4 + length).toString('utf8');
                    this.received = this.received.subarray(end + 4 + length);
                    return { status: Number(first.split(' ')[1]), headers, text };
                }
            }
            if (this.closed) return undefined;
            await this.#more();
        }
    }

    async untilClosed() {
        while (!this.closed) await this.#more();
    }

    close() {
        this.socket.destroy();
    }

    #more() {
        return new Promise((done) => this.waiters.push(done));
    }

    #wake() {
        for (const waiter of this.waiters.splice(0)) waiter();
    }
}
