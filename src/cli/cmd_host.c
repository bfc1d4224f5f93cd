#include <stdio.h>

#include "cli/command.h"
#include "cli/output.h"

static json_t *
runtimes_json(const struct ferry_host *host)
{
	AUTO_JSON *runtimes = json_array();

	for (size_t i = 0; i < host->runtime_count; i++) {
		json_t *value =
			json_pack("{s:o, s:o}", "name",
				  output_text(host->runtimes[i].name), "socket",
				  output_text(host->runtimes[i].socket));

		if (json_array_append_new(runtimes, value))
			return NULL;
	}
	return STEAL(&runtimes);
}

static json_t *
host_json(const struct ferry_host *host)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "platform",
			 output_text(host->platform), "machine",
			 output_text(host->machine), "kernel",
			 output_text(host->kernel), "release",
			 output_text(host->release), "runtimes",
			 runtimes_json(host));
}

static void
print_host(const struct ferry_host *host)
{
	output_line(stdout, "platform  %s", host->platform);
	output_line(stdout, "machine   %s", host->machine);
	output_line(stdout, "kernel    %s %s", host->kernel, host->release);
	for (size_t i = 0; i < host->runtime_count; i++)
		output_line(stdout, "runtime   %s at %s",
			    host->runtimes[i].name, host->runtimes[i].socket);
	if (host->runtime_count == 0)
		output_line(stdout, "runtime   none found");
}

static int
run(struct session *session, const void *data, struct ferry_error *err)
{
	struct ferry_host host = { 0 };

	(void)data;
	if (ferry_host_find(&host, err))
		return err->code;
	if (session->common.json)
		return output_document(&session->document, host_json(&host),
				       err);
	if (!session->common.quiet)
		print_host(&host);
	return 0;
}

const struct command command_host = {
	.name = "host",
	.summary = "print what this machine is and which runtimes it has",
	.synopsis = "[OPTION...]",
	.about = "Print the platform of this machine as images name it, its "
		 "kernel, and the container runtimes whose sockets are there.",
	.run = run,
};
