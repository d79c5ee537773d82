// SPDX-License-Identifier: MIT
#pragma once

#include "base/unique_fd.h"
#include "fake/fake_drm_model.h"
#include "fake/fake_kernel.h"
#include "kms/atomic_request.h"
#include "kms/card.h"
#include "kms/vblank_clock.h"

#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <sys/types.h>

namespace scanthru::testing {

/// A memory file of `bytes` bytes that passes for a dma-buf.
UniqueFd make_dmabuf(std::size_t bytes);

/// A framebuffer that the fake card holds.
struct FakeFramebuffer {
    Size size;
    std::uint32_t format = 0;
    std::uint64_t modifier = 0;
    std::uint32_t stride = 0;
    bool has_modifier = false;  ///< Came with DRM_MODE_FB_MODIFIERS.
    ino_t inode = 0;            ///< Of the dma-buf; 0 for a dumb buffer and for one of others.
    bool of_others = false;     ///< Belongs to another client, such as the console.
};

/// One real commit: what it changed.
struct FakeCommit {
    std::uint32_t flags = 0;  ///< DRM_MODE_ATOMIC_*
    std::map<std::uint32_t, std::map<std::string, std::uint64_t, std::less<>>> changes;

    /// What the commit set, or nothing if it left that property alone.
    std::optional<std::uint64_t> set(kms::ObjectId object, std::string_view property) const;
};

/// A KMS card that exists only in this process (see fake_kernel.h).
///
/// It answers with the kernel's errors and fails the test on what the kernel would punish: a GEM
/// handle closed twice, a framebuffer removed while shown, an unknown ioctl, and on anything left
/// behind: GEM handles, dumb buffers, framebuffers, blobs. Threads may use it at the same time; it
/// has one GEM handle space, as if all its descriptors were copies of one.
class FakeDrm final : public FakeDevice {
public:
    FakeDrm() : FakeDrm(FakeDrmOptions{}) {}
    explicit FakeDrm(FakeDrmOptions options);
    ~FakeDrm() override;

    // What it is made of. Outputs count from 0, connector names from 1.
    static constexpr kms::ObjectId connector(unsigned output = 0) { return id(31 + output); }
    static constexpr kms::ObjectId crtc(unsigned output = 0) { return id(41 + output); }
    static constexpr kms::ObjectId primary(unsigned output = 0) { return id(51 + output); }
    static constexpr kms::ObjectId overlay(unsigned output = 0) { return id(61 + output); }
    static constexpr kms::ObjectId cursor(unsigned output = 0) { return id(71 + output); }
    static constexpr kms::ObjectId writeback() { return id(39); }

    /// A new descriptor of the card.
    UniqueFd open() const;
    /// The card as the program sees it; a test failure and null if Card::prepare() fails.
    std::unique_ptr<kms::Card> card() const;

    // The world around the program.
    void set_master(bool master);
    void plug(bool connected, unsigned output = 0);
    void set_modes(std::vector<kms::Mode> modes, unsigned output = 0);
    /// Sets a property as an earlier owner or the driver left it; nothing is checked.
    void leave(kms::ObjectId object, std::string_view property, std::uint64_t value);
    /// A blob and a framebuffer of somebody else, and that somebody's end: RMFB by the kernel.
    kms::BlobId leave_blob(std::span<const std::byte> bytes);
    void remove_blob_of_others(kms::BlobId blob);
    kms::FramebufferId leave_framebuffer(Size size, std::uint32_t format = DRM_FORMAT_XRGB8888);
    void remove_framebuffer_of_others(kms::FramebufferId framebuffer);
    /// Lights an output as the console does, in its first mode; returns the console's framebuffer.
    kms::FramebufferId light_by_others(unsigned output = 0);

    // What goes wrong. Plain errors are planted with fail_next().
    /// Refuses commits that show this dma-buf or framebuffer, after TEST_ONLY has passed.
    void refuse_to_show(int dmabuf, int error = EINVAL);
    void refuse_to_show(kms::FramebufferId framebuffer, int error = EINVAL);
    void show_everything_again();
    /// The driver finds a reason against every asynchronous flip (EINVAL), or none any more.
    void refuse_async_flips(bool refused);
    /// Not a failure for this test any more: RMFB of a framebuffer on screen.
    void allow_removal_on_screen();

    // The clock. Only for a card without real_time.
    void set_vblank(const kms::Vblank& last, unsigned output = 0);
    kms::Vblank vblank(unsigned output = 0) const;

    // What the program did to it.
    std::uint64_t value(kms::ObjectId object, std::string_view property) const;
    /// What a plane shows; nothing while it is off.
    std::optional<kms::PlaneState> shown(kms::ObjectId plane) const;
    /// The mode of an output that is lit.
    std::optional<kms::Mode> mode(unsigned output = 0) const;
    std::optional<FakeFramebuffer> framebuffer(kms::FramebufferId framebuffer) const;
    std::vector<std::byte> blob(std::uint64_t blob) const;
    std::vector<FakeCommit> commits() const;  ///< Those that succeeded, TEST_ONLY left out.
    FakeCommit last_commit() const;
    std::size_t framebuffers() const;  ///< Of the program.
    std::size_t gem_handles() const;   ///< Open now, those of dumb buffers included.
    std::size_t blobs() const;         ///< Of the program.

    bool owns(int fd) const override;
    int handle(int fd, unsigned long request, void* argument) override;

private:
    struct GemObject {
        dev_t device = 0;
        ino_t inode = 0;
        std::uint64_t bytes = 0;
        bool dumb = false;
    };
    struct Framebuffer {
        FakeFramebuffer what;
        std::shared_ptr<GemObject> memory;
    };
    struct Blob {
        std::vector<std::byte> bytes;
        bool of_program = false;  ///< Not destroyed yet by the program,
        bool of_others = false;   ///< or by somebody else.
    };

    static constexpr kms::ObjectId id(std::uint32_t number) { return kms::ObjectId{number}; }

    // fake_drm_objects.cpp: what there is.
    std::optional<int> answer_about_objects(unsigned long request, void* argument);
    int get_resources(drm_mode_card_res& query) const;
    int get_connector(drm_mode_get_connector& query) const;
    int get_encoder(drm_mode_get_encoder& query) const;
    int get_crtc(drm_mode_crtc& query) const;
    int get_plane_resources(drm_mode_get_plane_res& query) const;
    int get_plane(drm_mode_get_plane& query) const;
    int get_object_properties(drm_mode_obj_get_properties& query) const;
    int get_property(drm_mode_get_property& query) const;
    std::vector<std::uint32_t> visible_connectors() const;
    std::vector<std::uint32_t> visible_planes() const;

    // fake_drm_client.cpp: who asks, what the driver can, what time it is.
    std::optional<int> answer_about_client(unsigned long request, void* argument);
    int get_version(drm_version& query) const;
    int get_capability(drm_get_cap& query) const;
    int set_client_capability(const drm_set_client_cap& request);
    int get_sequence(drm_crtc_get_sequence& query) const;
    std::optional<kms::Mode> mode_in(const FakeState& state, std::uint32_t crtc) const;
    kms::Vblank last_vblank(std::uint32_t crtc) const;
    std::optional<kms::Timestamp> flip(std::uint32_t crtc);

    // fake_drm_buffers.cpp: memory, framebuffers, blobs.
    std::optional<int> answer_about_buffers(unsigned long request, void* argument);
    int import(drm_prime_handle& request);
    int close_handle(std::uint32_t handle);
    int create_dumb(drm_mode_create_dumb& request);
    int map_dumb(drm_mode_map_dumb& request) const;
    int destroy_dumb(std::uint32_t handle);
    int add_framebuffer(drm_mode_fb_cmd2& request);
    int check_framebuffer(const drm_mode_fb_cmd2& request) const;
    int remove_framebuffer(std::uint32_t framebuffer);
    void turn_off_planes_with(std::uint32_t framebuffer);
    bool any_plane_has(std::uint32_t format, std::uint64_t modifier, bool with_modifier) const;
    int create_blob(drm_mode_create_blob& request);
    int destroy_blob(std::uint32_t blob);
    int get_blob(drm_mode_get_blob& query) const;
    void drop_unused_blobs();
    const std::vector<std::byte>* blob_bytes(std::uint64_t blob) const;

    // fake_drm_atomic.cpp: commits.
    int atomic(const drm_mode_atomic& request, std::optional<kms::Timestamp>& on_screen);
    int fill(const drm_mode_atomic& request, FakeState& next, FakeCommit& changes) const;
    bool may_change_async(std::uint32_t object,
                          const FakeProperty& property,
                          std::uint64_t before,
                          std::uint64_t after) const;
    int check_value(const FakeProperty& property, std::uint64_t value) const;
    int check_plane(const FakeState& next, std::uint32_t plane) const;
    int check_placing(const FakeState& next, std::uint32_t plane, std::uint32_t crtc) const;
    int check_crtc(const FakeState& next, std::uint32_t crtc) const;
    bool needs_modeset(const FakeState& next, std::uint32_t crtc) const;
    int check(const FakeState& next, std::uint32_t flags) const;
    int prepare(const FakeState& next, const FakeCommit& changes) const;
    std::set<std::uint32_t> affected_crtcs(const FakeState& next, const FakeCommit& changes) const;
    std::uint64_t
    value_in(const FakeState& state, std::uint32_t object, std::string_view name) const;

    const FakeDrmOptions options_;
    UniqueFd file_;  ///< A memory file: its inode is the card, its pages are the dumb buffers.
    mutable std::mutex state_mutex_;
    FakeDrmModel model_;
    bool master_ = true;
    std::map<std::uint64_t, std::uint64_t> client_caps_;
    std::uint32_t next_id_ = 1000;
    std::uint64_t file_size_ = 0;
    std::map<std::uint32_t, std::shared_ptr<GemObject>> handles_;
    std::map<std::uint32_t, std::uint64_t> dumb_offsets_;  ///< Handle to place in file_.
    std::map<std::uint32_t, Framebuffer> framebuffers_;
    std::map<std::uint32_t, Blob> blobs_;
    std::map<ino_t, int> refused_dmabufs_;
    std::map<std::uint32_t, int> refused_framebuffers_;
    bool async_refused_ = false;
    bool removal_on_screen_allowed_ = false;
    std::map<std::uint32_t, kms::Vblank> vblanks_;  ///< By CRTC.
    std::vector<FakeCommit> commits_;
};

}  // namespace scanthru::testing
