// A TCP proxy before Redis that counts what is sent to it, and can cut a connection after a command was executed and before its
// answer is through.

import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export class ReplyCutter {
  bytesToRedis = 0;
  private isArmed = false;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  constructor(redisPort: number) {
    this.server = createServer((client) => {
      const redis = connect(redisPort, '127.0.0.1');
      const cut = () => {
        client.destroy();
        redis.destroy();
      };
      for (const socket of [client, redis]) {
        this.sockets.add(socket);
        socket.setNoDelay(true);
        socket.on('error', cut);
        socket.on('close', () => {
          this.sockets.delete(socket);
          cut();
        });
      }
      client.on('data', (data) => {
        this.bytesToRedis += data.length;
        redis.write(data);
      });
      redis.on('data', (data) => {
        // An answer comes only when the command was executed.
        if (!this.isArmed || data.toString().startsWith('-NOSCRIPT')) {
          client.write(data);
          return;
        }
        this.isArmed = false;
        cut();
      });
    });
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return (this.server.address() as AddressInfo).port;
  }

  loseNextReply(): void {
    this.isArmed = true;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
