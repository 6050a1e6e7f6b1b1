// SPDX-License-Identifier: Apache-2.0
#include "photon/quality.h"

#include <math.h>
#include <string.h>

#include "base/base.h"
#include "matter/attenuation.h"

enum {
  WATER_NODES = 401,
  ALUMINIUM_NODES = 61,
  PIECES_LEAST = 2,  ///< energies per spectrum bin, at least
  MATERIALS = 2
};
static const double water_step = 0.25, aluminium_step = 0.5, aluminium_first = -10;  // g/cm2
static const double piece_width_mev = 0.125;  // bins are cut into pieces of this width or less
static const double lowest_mev = 0.010;       // photons below are absorbed where they are born

_Static_assert(sizeof(pcn_release) == PCN_RELEASE_VALUES * sizeof(float), "a node is a vector of floats");

/// A piece of the spectrum, at its middle energy.
typedef struct piece {
  double energy_mev, photons;
  double mu[MATERIALS];                  ///< cm2/g, water and aluminium
  double release[MATERIALS][PCN_PARTS];  ///< photons * energy * coefficient
} piece;

struct pcn_quality {
  int pieces;
  piece *piece;
  pcn_release *node;  ///< [aluminium][water]
};

static int pieces_of_bin(const pencone_machine_desc *m, int bin) {
  const int n = (int)ceil((m->edges_mev[bin + 1] - m->edges_mev[bin]) / piece_width_mev);
  return n < PIECES_LEAST ? PIECES_LEAST : n;
}

static void fill_piece(const pcn_edk *edk, const pcn_attenuation table[MATERIALS], piece *p) {
  const double e = p->energy_mev;
  // Kernels end at 60 cm: part of the scattered energy leaves them.
  const double kept = pcn_edk_share(edk, PCN_SCATTER, e) / (1 - pcn_edk_share(edk, PCN_PRIMARY, e));
  for (int m = 0; m < MATERIALS; m++) {
    const double mu = pcn_attenuation_mu(&table[m], e), mu_en = pcn_attenuation_mu_en(&table[m], e);
    p->mu[m] = mu;
    p->release[m][PCN_PRIMARY] = p->photons * e * mu_en;
    p->release[m][PCN_SCATTER] = p->photons * e * fmax(0, mu - mu_en) * kept;
  }
}

static pencone_status cut_spectrum(pencone_context *ctx, const pencone_machine_desc *m, const pcn_edk *edk,
                                   pcn_quality *q) {
  pcn_attenuation table[MATERIALS];
  PCN_TRY(pcn_attenuation_load(ctx, "water", &table[0]));
  PCN_TRY(pcn_attenuation_load(ctx, "aluminium", &table[1]));
  int count = 0;
  for (int b = 0; b < m->bins; b++) {
    count += pieces_of_bin(m, b);
  }
  q->piece = pcn_calloc(ctx, (size_t)count, sizeof *q->piece);
  if (q->piece == NULL) {
    return PENCONE_E_MEMORY;
  }
  for (int b = 0; b < m->bins; b++) {
    const int n = pieces_of_bin(m, b);
    const double lo = m->edges_mev[b], width = (m->edges_mev[b + 1] - lo) / n;
    for (int i = 0; i < n; i++) {
      piece *p = &q->piece[q->pieces];
      p->energy_mev = lo + width * (i + 0.5);
      p->photons = m->weight[b] / n;
      if (p->photons > 0 && p->energy_mev >= lowest_mev) {
        fill_piece(edk, table, p);
        q->pieces++;
      }
    }
  }
  PCN_CHECK(ctx, q->pieces > 0, PENCONE_E_RANGE, "machine %s: the spectrum has no photons above %g MeV",
            m->name, lowest_mev);
  return PENCONE_OK;
}

typedef struct release_sum {
  double part[MATERIALS][PCN_PARTS];
} release_sum;

static void add_piece(release_sum *sum, const piece *p, double left) {
  for (int m = 0; m < MATERIALS; m++) {
    for (int k = 0; k < PCN_PARTS; k++) {
      sum->part[m][k] += left * p->release[m][k];
    }
  }
}

static pcn_release to_release(const release_sum *sum) {
  pcn_release r;
  for (int k = 0; k < PCN_PARTS; k++) {
    r.water[k] = (float)sum->part[0][k];
    r.aluminium[k] = (float)sum->part[1][k];
  }
  return r;
}

pcn_release pcn_quality_exact(const pcn_quality *q, double water_g_cm2, double aluminium_g_cm2) {
  release_sum sum = {{{0}}};
  for (int i = 0; i < q->pieces; i++) {
    const piece *p = &q->piece[i];
    add_piece(&sum, p, exp(-p->mu[0] * water_g_cm2 - p->mu[1] * aluminium_g_cm2));
  }
  return to_release(&sum);
}

/// Depths in water that are summed at a time: they and their values fit into registers.
enum { BLOCK = 4, BLOCKS = (WATER_NODES + BLOCK - 1) / BLOCK };

/// What is left of the pieces: behind the depths in water of a block, and of their release behind aluminium.
typedef struct fill_work {
  double (*left)[BLOCK];                 ///< [block][piece]
  double (*factor)[PCN_RELEASE_VALUES];  ///< [piece]
} fill_work;

// One exp per piece, then products.
static void fill_left(const pcn_quality *q, double (*left)[BLOCK]) {
  for (int i = 0; i < q->pieces; i++) {
    const double per_step = exp(-q->piece[i].mu[0] * water_step);
    double here = 1;
    for (int w = 0; w < BLOCKS * BLOCK; w++) {
      left[w / BLOCK * q->pieces + i][w % BLOCK] = here;
      here *= per_step;
    }
  }
}

static void fill_block(const pcn_quality *q, const fill_work *work, int block, float *out) {
  double sum[PCN_RELEASE_VALUES][BLOCK] = {{0}};
  for (int i = 0; i < q->pieces; i++) {
    const double *left = work->left[block * q->pieces + i], *factor = work->factor[i];
    for (int value = 0; value < PCN_RELEASE_VALUES; value++) {
      for (int w = 0; w < BLOCK; w++) {
        sum[value][w] += factor[value] * left[w];
      }
    }
  }
  for (int w = 0; w < BLOCK && block * BLOCK + w < WATER_NODES; w++) {
    for (int value = 0; value < PCN_RELEASE_VALUES; value++) {
      out[w * PCN_RELEASE_VALUES + value] = (float)sum[value][w];
    }
  }
}

static void fill_row(pcn_quality *q, const fill_work *work, int a) {
  for (int i = 0; i < q->pieces; i++) {
    const piece *p = &q->piece[i];
    const double left = exp(-p->mu[1] * (aluminium_first + a * aluminium_step));
    for (int value = 0; value < PCN_RELEASE_VALUES; value++) {
      work->factor[i][value] = left * p->release[value / PCN_PARTS][value % PCN_PARTS];
    }
  }
  float *row = (float *)(void *)(q->node + a * WATER_NODES);
  for (int block = 0; block < BLOCKS; block++) {
    fill_block(q, work, block, row + block * BLOCK * PCN_RELEASE_VALUES);
  }
}

static pencone_status fill_table(pencone_context *ctx, pcn_quality *q) {
  fill_work work = {pcn_alloc(ctx, (size_t)q->pieces * BLOCKS, sizeof *work.left),
                    pcn_alloc(ctx, (size_t)q->pieces, sizeof *work.factor)};
  q->node = pcn_alloc(ctx, (size_t)WATER_NODES * ALUMINIUM_NODES, sizeof *q->node);
  const int made = q->node != NULL && work.left != NULL && work.factor != NULL;
  if (made) {
    fill_left(q, work.left);
    for (int a = 0; a < ALUMINIUM_NODES; a++) {
      fill_row(q, &work, a);
    }
  }
  pcn_free(work.left);
  pcn_free(work.factor);
  return made ? PENCONE_OK : PENCONE_E_MEMORY;
}

pencone_status pcn_quality_make(pencone_context *ctx, const pencone_machine *machine, const pcn_edk *edk,
                                pcn_quality **out) {
  *out = NULL;
  pcn_quality *q = pcn_calloc(ctx, 1, sizeof *q);
  if (q == NULL) {
    return PENCONE_E_MEMORY;
  }
  pencone_status status = cut_spectrum(ctx, pencone_machine_describe(machine), edk, q);
  if (status == PENCONE_OK) {
    status = fill_table(ctx, q);
  }
  if (status != PENCONE_OK) {
    pcn_quality_free(q);
    return status;
  }
  *out = q;
  return PENCONE_OK;
}

void pcn_quality_free(pcn_quality *quality) {
  if (quality != NULL) {
    pcn_free(quality->piece);
    pcn_free(quality->node);
    pcn_free(quality);
  }
}

static float blend(float a, float b, float c, float d, const float w[4]) {
  return w[0] * a + w[1] * b + w[2] * c + w[3] * d;
}

pcn_release pcn_quality_at(const pcn_quality *q, double water_g_cm2, double aluminium_g_cm2) {
  const double x = water_g_cm2 / water_step, y = (aluminium_g_cm2 - aluminium_first) / aluminium_step;
  if (!(x >= 0 && x < WATER_NODES - 1 && y >= 0 && y < ALUMINIUM_NODES - 1)) {
    return pcn_quality_exact(q, water_g_cm2, aluminium_g_cm2);
  }
  const int i = (int)x, j = (int)y;
  const float u = (float)(x - i), v = (float)(y - j);
  const float w[4] = {(1 - u) * (1 - v), u * (1 - v), (1 - u) * v, u * v};
  const pcn_release *a = &q->node[j * WATER_NODES + i], *b = a + WATER_NODES;
  pcn_release r;
  for (int k = 0; k < PCN_PARTS; k++) {
    r.water[k] = blend(a[0].water[k], a[1].water[k], b[0].water[k], b[1].water[k], w);
    r.aluminium[k] = blend(a[0].aluminium[k], a[1].aluminium[k], b[0].aluminium[k], b[1].aluminium[k], w);
  }
  return r;
}

pcn_release_table pcn_quality_table(const pcn_quality *q, double aluminium_electrons) {
  const pcn_release_table table = {.node = (const float *)(const void *)q->node,
                                   .water_nodes = WATER_NODES,
                                   .aluminium_nodes = ALUMINIUM_NODES,
                                   .per_water = (float)(1 / water_step),
                                   .per_aluminium = (float)(1 / aluminium_step),
                                   .first_aluminium = (float)aluminium_first,
                                   .aluminium_electrons = (float)aluminium_electrons};
  return table;
}

void pcn_quality_kernel_weights(const pcn_quality *q, const pcn_edk *edk, double water_g_cm2,
                                double weight[PCN_KERNEL_ENERGIES][PCN_PARTS]) {
  memset(weight, 0, sizeof(double) * PCN_KERNEL_ENERGIES * PCN_PARTS);
  for (int i = 0; i < q->pieces; i++) {
    const piece *p = &q->piece[i];
    const double at_surface =
        p->photons * p->energy_mev * p->mu[0];  // the kernels' bins sum to the parts' shares
    const double behind = at_surface * exp(-p->mu[0] * water_g_cm2);
    int index[2];
    double share[2];
    pcn_edk_neighbours(edk, p->energy_mev, index, share);
    for (int k = 0; k < 2; k++) {
      weight[index[k]][PCN_PRIMARY] += at_surface * share[k];
      weight[index[k]][PCN_SCATTER] += behind * share[k];
    }
  }
}
