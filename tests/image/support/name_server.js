// A name server of a handful of names, on 127.0.0.1:53, where resolvers look: A records as given, no AAAA, NXDOMAIN for the
// rest (RFC 1035).
import { createSocket } from 'node:dgram';

const typeA = 1;
const nameError = 3;

export class NameServer {
    /** `addresses` by name; `asked` will hold the names that were asked for. */
    static async start(addresses) {
        const server = new NameServer();
        server.addresses = addresses;
        server.asked = new Set();
        server.socket = createSocket('udp4');
        server.socket.on('message', (query, peer) => server.socket.send(server.#answer(query), peer.port, peer.address));
        await new Promise((done, failed) => server.socket.once('error', failed).bind(53, '127.0.0.1', done));
        return server;
    }

    async stop() {
        await new Promise((done) => this.socket.close(done));
    }

    #answer(query) {
        const labels = [];
        let at = 12;
        while (query[at] !== 0) {
            labels.push(query.subarray(at + 1, at + 1 + query[at]).toString('latin1'));
            at += query[at] + 1;
        }
        const name = labels.join('.').toLowerCase();
        this.asked.add(name);
        const type = query.readUInt16BE(at + 1);
        const address = this.addresses[name];
        const answers = address && type === typeA ? [record(address)] : [];

        const head = Buffer.alloc(12);
        query.copy(head, 0, 0, 2);
        head.writeUInt16BE(0x8580 | (address ? 0 : nameError), 2); // an authoritative answer; recursion was desired, is available
        head.writeUInt16BE(1, 4);
        head.writeUInt16BE(answers.length, 6);
        return Buffer.concat([head, query.subarray(12, at + 5), ...answers]);
    }
}

/** An A record for the name at offset 12, to be kept for no time. */
function record(address) {
    const fixed = Buffer.from([0xc0, 12, 0, typeA, 0, 1, 0, 0, 0, 0, 0, 4]);
    return Buffer.concat([fixed, Buffer.from(address.split('.').map(Number))]);
}
