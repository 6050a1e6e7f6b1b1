// SPDX-License-Identifier: Apache-2.0
// How HDF5 files reach the disk and come from there: through a file driver of our own.
// Writing: HDF5 1.10 cannot close a file to which it can no longer write, and crashes later. This driver
// notes the first failure and lets go of the rest; whoever writes a file looks at the note. Reading:
// HDF5 1.10 follows the sizes in a damaged heap of texts for ever. This driver looks them through first.
#ifndef PCN_H5_DISK_H
#define PCN_H5_DISK_H

#include <hdf5.h>

/// Makes a list of access properties use the driver. @param error  where the driver puts the errno of the
/// first failure, 0 before; it must outlive the file. @param[out] driver_id  for H5FDunregister() once the
/// file is closed: HDF5 1.10 lets go of the driver before it has closed the file; negative: none. @return 1
/// or 0
int pcn_h5_disk_use(hid_t access_properties, int *error, hid_t *driver_id);

#endif
