// SPDX-License-Identifier: Apache-2.0
// A strict reader of YAML: every message names file, line, key, value and expectation.
#ifndef PCN_YAML_H
#define PCN_YAML_H

#include "base/base.h"

/// A parsed document. Nodes point into it.
typedef struct pcn_yaml pcn_yaml;

/// A place in a document; plain value. node is NULL where there is none.
typedef struct pcn_node {
  const pcn_yaml *yaml;
  const void *node;
} pcn_node;

typedef enum pcn_need {
  PCN_OPTIONAL,
  PCN_REQUIRED,
  PCN_UNSUPPORTED  ///< part of the format, not yet of this version: PENCONE_E_UNSUPPORTED
} pcn_need;

/// A key that a mapping may have; a list of them ends with a NULL name.
typedef struct pcn_key {
  const char *name;
  pcn_need need;
} pcn_key;

/// A number with the range it must lie in, both ends included.
typedef struct pcn_range {
  double min, max;
} pcn_range;

/// Parses a file. @param[out] out freed by pcn_yaml_close()
pencone_status pcn_yaml_open(pencone_context *ctx, const char *path, pcn_yaml **out);

/// Parses a text of one document. @param name  stands for the file in messages
pencone_status pcn_yaml_parse(pencone_context *ctx, const char *name, const char *text, size_t bytes,
                              pcn_yaml **out);
void pcn_yaml_close(pcn_yaml *yaml);

const char *pcn_yaml_file(const pcn_yaml *yaml);
const char *pcn_yaml_text(const pcn_yaml *yaml);  ///< the file's own text
pencone_context *pcn_yaml_context(const pcn_yaml *yaml);
pcn_node pcn_yaml_root(const pcn_yaml *yaml);
int pcn_yaml_line(pcn_node node);  ///< from 1

/// Fails with "FILE:LINE: " before the text.
pencone_status pcn_yaml_fail(pcn_node node, pencone_status status, const char *format, ...) PCN_PRINTF(3, 4);

/// Puts "FILE:LINE: " before the text of a call that failed; PENCONE_OK passes.
pencone_status pcn_yaml_at(pcn_node node, pencone_status status);

// Mappings. what names the mapping in messages ("beam").

/// Checks that node is a mapping whose keys are all known, each there once, and the required ones there.
pencone_status pcn_yaml_keys(pcn_node node, const char *what, const pcn_key *keys);

/// Checks that node is a mapping with every key there once, whatever they are.
pencone_status pcn_yaml_any_keys(pcn_node node, const char *what);

/// Value of a key; .node is NULL when it is absent.
pcn_node pcn_yaml_get(pcn_node map, const char *key);

/// Number of pairs of a mapping, and the i-th key and value.
int pcn_yaml_pairs(pcn_node map);
void pcn_yaml_pair(pcn_node map, int i, pcn_node *key, pcn_node *value);

// Lists.
int pcn_yaml_is_list(pcn_node node);
int pcn_yaml_is_map(pcn_node node);
pencone_status pcn_yaml_list(pcn_node node, const char *what,
                             int *count);  ///< fails unless it is a list, not empty
pcn_node pcn_yaml_item(pcn_node list, int i);

// Values. what is the key in messages. Outputs are set on success only.
pencone_status pcn_yaml_string(pcn_node node, const char *what,
                               const char **out);  ///< not empty; lives as the document
pencone_status pcn_yaml_number(pcn_node node, const char *what, pcn_range range, double *out);
pencone_status pcn_yaml_numbers(pcn_node node, const char *what, pcn_range range, int count, double *out);
pencone_status pcn_yaml_integers(pcn_node node, const char *what, pcn_range range, int count, int64_t *out);

/// One of the words of a list that ends with NULL. @param[out] out  its index
pencone_status pcn_yaml_word(pcn_node node, const char *what, const char *const *words, int *out);

/// The word of a list (ending with NULL) that was probably meant, or NULL.
const char *pcn_yaml_near(const char *text, const char *const *words);

#endif
