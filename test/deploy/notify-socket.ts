// systemd's end of sd_notify: a datagram socket, which Node cannot make. Perl can, and is on every Debian.

import { join } from 'node:path';
import { type OwnerTest, ownProcess } from '../system/harness/owned-processes.ts';
import { until } from '../system/harness/waiting.ts';

const RECEIVER = `
  use Socket; $| = 1;
  socket(S, AF_UNIX, SOCK_DGRAM, 0) or die $!;
  bind(S, pack_sockaddr_un($ARGV[0])) or die $!;
  print "bound\\n";
  while (defined recv(S, $message, 65536, 0)) { $message =~ s/\\n/\\t/g; print "$message\\n" }
`;

export interface NotifySocket {
  readonly path: string;
  /** Messages in order, each as its assignments. systemd-notify's own barriers are left out. */
  messages(): readonly (readonly string[])[];
  /** How many messages had this assignment. */
  count(assignment: string): number;
}

export async function openNotifySocket(test: OwnerTest, folder: string): Promise<NotifySocket> {
  const path = join(folder, 'notify');
  const perl = ownProcess(test, 'perl', ['-e', RECEIVER, path], {});
  await until('the socket is there', () => (perl.output().includes('bound') ? true : null));
  const messages = () =>
    perl
      .output()
      .split('\n')
      .slice(1, -1)
      .map((line) => line.split('\t').filter((each) => each !== ''))
      .filter((assignments) => !assignments.includes('BARRIER=1'));
  return { path, messages, count: (wanted) => messages().filter((each) => each.includes(wanted)).length };
}
