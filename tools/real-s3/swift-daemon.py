"""Runs one server of Swift in this process, with swift.conf from a folder of ours instead of /etc/swift.

Arguments: kind (account, container, object, proxy), its configuration file, the folder of swift.conf. Its log is stderr.
"""
import sys

kind, conf, folder = sys.argv[1:4]

import swift.common.utils as utils

utils.SWIFT_CONF_FILE = folder + "/swift.conf"
if hasattr(utils, "config"):  # where newer versions keep it
    utils.config.SWIFT_CONF_FILE = utils.SWIFT_CONF_FILE

import swift.common.constraints as constraints
import swift.common.storage_policy as storage_policy

# Both read swift.conf when they are imported.
storage_policy.reload_storage_policies()
constraints.reload_constraints()

from swift.common.wsgi import run_wsgi

sys.exit(run_wsgi(conf, kind + "-server", verbose=True))
