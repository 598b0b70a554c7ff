// A machine that is not as it should be: files that may not be read, a port that is taken, a STATE_DIR that cannot be written. No
// byte is lost: after the cure the file arrives.

import { execFileSync } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { content } from '../../fixtures/writers/content.ts';
import { expectDelivered } from '../harness/proof.ts';
import { CHUNK_BYTES, MIB, openScene, type Scene } from '../harness/scene.ts';
import { until } from '../harness/waiting.ts';

const NAME = 'take.mkv';

describe.concurrent('files that may not be read', { timeout: 120_000 }, () => {
  test('F69 a file: parked with who can cure it; it arrives when it may be read, the others at once', async (context) => {
    const scene = await openScene(context, { startDaemon: false });
    await scene.daemon.start({ withoutPrivileges: true });
    await writeFile(scene.path(NAME), content(CHUNK_BYTES + MIB), { mode: 0o000 });
    await writeFile(scene.path('open.log'), content(1000, 2));
    const parked = await scene.daemon.waitForState(NAME, 'failed.parked');
    expect(parked).toMatchObject({
      status: 'failed_source',
      failure: { code: 'source_permission_denied', cure: 'file owner' },
    });
    await expectDelivered(scene, 'open.log');
    await chmod(scene.path(NAME), 0o644);
    await expectDelivered(scene, NAME);
  });

  test('F69 a file whose permission is taken away while it grows: what is sent stays, and it arrives in the end', async (context) => {
    const scene = await openScene(context, { startDaemon: false });
    await writeFile(scene.path(NAME), content(CHUNK_BYTES + MIB));
    await scene.daemon.start({ withoutPrivileges: true });
    await scene.daemon.waitForState(NAME, ({ partsHeld }) => partsHeld === 1);
    await chmod(scene.path(NAME), 0o000);
    await scene.daemon.restart();
    await scene.daemon.waitForState(NAME, 'failed.parked');
    await chmod(scene.path(NAME), 0o644);
    const { stream } = await expectDelivered(scene, NAME);
    expect(stream.generation).toBe(1);
  });

  test('a folder: told once, and its files arrive when it may be entered', async (context) => {
    const scene = await openScene(context, { startDaemon: false });
    await mkdir(scene.path('closed'));
    await writeFile(scene.path(`closed/${NAME}`), content(MIB));
    await chmod(scene.path('closed'), 0o000);
    await scene.daemon.start({ withoutPrivileges: true });
    await scene.daemon.waitForLog('cannot be read');
    await chmod(scene.path('closed'), 0o755);
    await expectDelivered(scene, NAME, { key: `closed/${NAME}` });
    expect(scene.daemon.log().match(/cannot be read; its files are not carried/g)).toHaveLength(1);
  });

  test('things that are no files: a FIFO, a socket, links, a folder named like a file hang and break nothing', async (context) => {
    const scene = await openScene(context, { startDaemon: false });
    execFileSync('mkfifo', [scene.path('pipe.mkv')]);
    await mkdir(scene.path('folder.mkv'));
    await symlink('/etc/passwd', scene.path('linked.mkv'));
    await symlink('nowhere', scene.path('dangling.mkv'));
    await symlink('.', scene.path('circle'));
    const socket = createServer().listen(scene.path('socket.mkv'));
    context.onTestFinished(() => void socket.close());
    await writeFile(scene.path(NAME), content(MIB));
    await scene.daemon.start();
    await expectDelivered(scene, NAME);
    expect((await scene.daemon.streams()).map(({ path }) => path)).toEqual([scene.path(NAME)]);
    expect(await scene.s3.keys()).toEqual([NAME, `${NAME}.metadata.json`]);
  });
});

describe.concurrent('a start that cannot be', { timeout: 120_000 }, () => {
  /** Starts, expects the end, and returns what was said. */
  async function refusedAs(scene: Scene, exitCode: number): Promise<string> {
    await scene.daemon.start({ until: 'nothing', withoutPrivileges: true });
    expect(await scene.daemon.ended()).toEqual({ exitCode, signal: null });
    return scene.daemon.log();
  }

  test('the port is taken: exit 69, which port; then it arrives', async (context) => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    context.onTestFinished(() => void taken.close());
    const { port } = taken.address() as { port: number };
    const scene = await openScene(context, { startDaemon: false, settings: { PROM_PORT: String(port) } });
    await writeFile(scene.path(NAME), content(MIB));
    expect(await refusedAs(scene, 69)).toContain(`127.0.0.1:${port}`);
    await scene.daemon.start({ settings: { PROM_PORT: '0' } });
    await expectDelivered(scene, NAME);
  });

  test('STATE_DIR may not be written: exit 69, which one; then it arrives', async (context) => {
    const scene = await openScene(context, { startDaemon: false });
    await chmod(scene.daemon.stateDir, 0o555);
    await writeFile(scene.path(NAME), content(MIB));
    expect(await refusedAs(scene, 69)).toContain(scene.daemon.stateDir);
    await chmod(scene.daemon.stateDir, 0o755);
    await scene.daemon.start();
    await expectDelivered(scene, NAME);
  });

  test('STATE_DIR is a file: exit 69, which one', async (context) => {
    const scene = await openScene(context, { startDaemon: false });
    await rm(scene.daemon.stateDir, { recursive: true });
    await writeFile(scene.daemon.stateDir, 'not a folder');
    expect(await refusedAs(scene, 69)).toContain(scene.daemon.stateDir);
  });

  test('the journal is no journal: exit 69, it is left as it is; without it nothing is sent twice', async (context) => {
    const scene = await openScene(context);
    await writeFile(scene.path(NAME), content(CHUNK_BYTES + MIB));
    await expectDelivered(scene, NAME);
    await scene.daemon.kill();
    const journal = join(scene.daemon.stateDir, 'journal.sqlite');
    // With its log SQLite would bring the damaged pages back.
    for (const name of await readdir(scene.daemon.stateDir)) await rm(join(scene.daemon.stateDir, name));
    await writeFile(journal, content(5000, 3));
    await scene.daemon.start({ until: 'nothing' });
    expect(await scene.daemon.ended()).toEqual({ exitCode: 69, signal: null });
    expect(scene.daemon.log()).toContain('move it away');
    expect(await readFile(journal)).toEqual(content(5000, 3));
    await rm(scene.daemon.stateDir, { recursive: true });
    await scene.daemon.start();
    const stream = await scene.daemon.waitForState(NAME, 'completed');
    expect(stream.generation).toBe(1);
    const creates = (await scene.s3.requests()).filter(
      ({ operation, key }) => operation === 'CreateMultipartUpload' && key === NAME,
    );
    expect(creates).toHaveLength(1);
  });

  test('S3 is not there: it starts all the same, says so, and the file arrives when it comes', async (context) => {
    const scene = await openScene(context, { startDaemon: false, s3OwnProcess: true });
    await scene.s3.stop();
    await writeFile(scene.path(NAME), content(MIB));
    await scene.daemon.start({ until: 'listening' });
    const reasons = async () => (JSON.parse(await scene.daemon.text('/readyz')) as { reasons: string[] }).reasons;
    await until('it says so', async () => ((await reasons()).some((each) => each.includes('S3')) ? true : null));
    await scene.s3.start();
    await expectDelivered(scene, NAME);
  });
});
