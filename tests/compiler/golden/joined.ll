declare i1 @llvm.vector.reduce.or.v32i1(<32 x i1>)
declare <32 x float> @llvm.masked.load.v32f32.p0(ptr, i32, <32 x i1>, <32 x float>)
declare void @llvm.masked.store.v32f32.p0(<32 x float>, ptr, i32, <32 x i1>)
define void @kernel(ptr noalias %slots, ptr noalias %rec, i64 %begin, i64 %end, ptr %share) {
entry:
  %v1 = getelementptr i64, ptr %rec, i64 9
  %v2 = load i64, ptr %v1, align 8, !invariant.load !0
  %v3 = getelementptr i64, ptr %rec, i64 10
  %v4 = load i64, ptr %v3, align 8, !invariant.load !0
  %v5 = getelementptr i64, ptr %rec, i64 11
  %v6 = load i64, ptr %v5, align 8, !invariant.load !0
  %v7 = getelementptr i64, ptr %rec, i64 12
  %v8 = load i64, ptr %v7, align 8, !invariant.load !0
  %v9 = getelementptr i64, ptr %rec, i64 13
  %v10 = load i64, ptr %v9, align 8, !invariant.load !0
  %v11 = getelementptr i64, ptr %rec, i64 14
  %v12 = load i64, ptr %v11, align 8, !invariant.load !0
  %v13 = getelementptr i64, ptr %rec, i64 2
  %v14 = load i64, ptr %v13, align 8, !invariant.load !0
  %v15 = getelementptr ptr, ptr %slots, i64 %v14
  %v16 = load ptr, ptr %v15, align 8, !invariant.load !0
  %v17 = getelementptr i64, ptr %rec, i64 5
  %v18 = load i64, ptr %v17, align 8, !invariant.load !0
  %v19 = getelementptr ptr, ptr %slots, i64 %v18
  %v20 = load ptr, ptr %v19, align 8, !invariant.load !0
  %v21 = getelementptr i64, ptr %rec, i64 6
  %v22 = load i64, ptr %v21, align 8, !invariant.load !0
  %v23 = getelementptr ptr, ptr %slots, i64 %v22
  %v24 = load ptr, ptr %v23, align 8, !invariant.load !0
  %v25 = getelementptr i64, ptr %rec, i64 8
  %v26 = load i64, ptr %v25, align 8, !invariant.load !0
  %v27 = getelementptr ptr, ptr %slots, i64 %v26
  %v28 = load ptr, ptr %v27, align 8, !invariant.load !0
  %v29 = getelementptr i64, ptr %rec, i64 0
  %v30 = load i64, ptr %v29, align 8, !invariant.load !0
  %v31 = getelementptr i64, ptr %rec, i64 3
  %v32 = load i64, ptr %v31, align 8, !invariant.load !0
  %v33 = getelementptr i64, ptr %rec, i64 7
  %v34 = load i64, ptr %v33, align 8, !invariant.load !0
  %v35 = getelementptr i64, ptr %rec, i64 1
  %v36 = load i64, ptr %v35, align 8, !invariant.load !0
  %v37 = getelementptr i64, ptr %rec, i64 4
  %v38 = load i64, ptr %v37, align 8, !invariant.load !0
  %v39 = mul i64 %begin, %v2
  %v40 = mul i64 %end, %v2
  %v41 = icmp slt i64 %v40, %v4
  %v42 = select i1 %v41, i64 %v40, i64 %v4
  %v43 = icmp slt i64 %v39, %v42
  br i1 %v43, label %start3, label %finished2
start3:
  %v44 = udiv i64 %v39, %v6
  %v45 = mul i64 %v44, %v6
  %v46 = sub i64 %v39, %v45
  br label %unit1
unit1:
  %p47 = phi i64 [%v39, %start3], [%v188, %end7]
  %p48 = phi i64 [%v46, %start3], [%v189, %end7]
  %v49 = mul i64 %p48, %v8
  %v50 = add i64 %v49, %v8
  %v51 = icmp slt i64 %v50, %v10
  %v52 = select i1 %v51, i64 %v50, i64 %v10
  %v53 = sub i64 %v52, %v49
  %v54 = and i64 %v53, -32
  %v55 = add i64 %v49, %v54
  %v56 = icmp slt i64 %v49, %v55
  br i1 %v56, label %loop4, label %done5
loop4:
  %p57 = phi i64 [%v49, %unit1], [%v117, %loop4]
  %v58 = add i64 %v30, %p57
  %v59 = sub i64 %v36, %v58
  %v60 = icmp slt i64 %v59, 32
  %v61 = select i1 %v60, i64 %v59, i64 32
  %v62 = icmp sgt i64 %v61, 0
  %v63 = select i1 %v62, i64 %v61, i64 0
  %v64 = trunc i64 %v63 to i32
  %v65 = insertelement <32 x i32> poison, i32 %v64, i64 0
  %v66 = shufflevector <32 x i32> %v65, <32 x i32> poison, <32 x i32> zeroinitializer
  %v67 = icmp slt <32 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15, i32 16, i32 17, i32 18, i32 19, i32 20, i32 21, i32 22, i32 23, i32 24, i32 25, i32 26, i32 27, i32 28, i32 29, i32 30, i32 31>, %v66
  %v68 = sub i64 0, %v58
  %v69 = icmp slt i64 %v68, 32
  %v70 = select i1 %v69, i64 %v68, i64 32
  %v71 = icmp sgt i64 %v70, 0
  %v72 = select i1 %v71, i64 %v70, i64 0
  %v73 = trunc i64 %v72 to i32
  %v74 = insertelement <32 x i32> poison, i32 %v73, i64 0
  %v75 = shufflevector <32 x i32> %v74, <32 x i32> poison, <32 x i32> zeroinitializer
  %v76 = icmp sge <32 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15, i32 16, i32 17, i32 18, i32 19, i32 20, i32 21, i32 22, i32 23, i32 24, i32 25, i32 26, i32 27, i32 28, i32 29, i32 30, i32 31>, %v75
  %v77 = and <32 x i1> %v67, %v76
  %v78 = add i64 %v30, %p57
  %v79 = call i1 @llvm.vector.reduce.or.v32i1(<32 x i1> %v77)
  %v80 = getelementptr float, ptr %v16, i64 %v78
  %v81 = select i1 %v79, ptr %v80, ptr %v16
  %v82 = call <32 x float> @llvm.masked.load.v32f32.p0(ptr %v81, i32 4, <32 x i1> %v77, <32 x float> zeroinitializer)
  %v83 = add i64 %v32, %p57
  %v84 = sub i64 %v38, %v83
  %v85 = icmp slt i64 %v84, 32
  %v86 = select i1 %v85, i64 %v84, i64 32
  %v87 = icmp sgt i64 %v86, 0
  %v88 = select i1 %v87, i64 %v86, i64 0
  %v89 = trunc i64 %v88 to i32
  %v90 = insertelement <32 x i32> poison, i32 %v89, i64 0
  %v91 = shufflevector <32 x i32> %v90, <32 x i32> poison, <32 x i32> zeroinitializer
  %v92 = icmp slt <32 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15, i32 16, i32 17, i32 18, i32 19, i32 20, i32 21, i32 22, i32 23, i32 24, i32 25, i32 26, i32 27, i32 28, i32 29, i32 30, i32 31>, %v91
  %v93 = sub i64 0, %v83
  %v94 = icmp slt i64 %v93, 32
  %v95 = select i1 %v94, i64 %v93, i64 32
  %v96 = icmp sgt i64 %v95, 0
  %v97 = select i1 %v96, i64 %v95, i64 0
  %v98 = trunc i64 %v97 to i32
  %v99 = insertelement <32 x i32> poison, i32 %v98, i64 0
  %v100 = shufflevector <32 x i32> %v99, <32 x i32> poison, <32 x i32> zeroinitializer
  %v101 = icmp sge <32 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15, i32 16, i32 17, i32 18, i32 19, i32 20, i32 21, i32 22, i32 23, i32 24, i32 25, i32 26, i32 27, i32 28, i32 29, i32 30, i32 31>, %v100
  %v102 = and <32 x i1> %v92, %v101
  %v103 = add i64 %v32, %p57
  %v104 = call i1 @llvm.vector.reduce.or.v32i1(<32 x i1> %v102)
  %v105 = getelementptr float, ptr %v20, i64 %v103
  %v106 = select i1 %v104, ptr %v105, ptr %v20
  %v107 = call <32 x float> @llvm.masked.load.v32f32.p0(ptr %v106, i32 4, <32 x i1> %v102, <32 x float> zeroinitializer)
  %v108 = select <32 x i1> %v102, <32 x float> %v107, <32 x float> %v82
  %v109 = add i64 %v32, %p57
  %v110 = getelementptr float, ptr %v24, i64 %v109
  %v111 = load <32 x float>, ptr %v110, align 4
  %v112 = fmul <32 x float> %v108, %v111
  %v113 = add i64 %v34, %p57
  %v114 = getelementptr float, ptr %v28, i64 %v113
  store <32 x float> %v112, ptr %v114, align 4
  %v115 = add i64 %p57, 32
  %v116 = icmp slt i64 %v115, %v55
  %v117 = call i64 asm "", "=r,0"(i64 %v115)
  br i1 %v116, label %loop4, label %done5
done5:
  %v118 = icmp slt i64 %v55, %v52
  br i1 %v118, label %tail6, label %end7
tail6:
  %v119 = sub i64 %v52, %v55
  %v120 = trunc i64 %v119 to i32
  %v121 = insertelement <32 x i32> poison, i32 %v120, i64 0
  %v122 = shufflevector <32 x i32> %v121, <32 x i32> poison, <32 x i32> zeroinitializer
  %v123 = icmp slt <32 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15, i32 16, i32 17, i32 18, i32 19, i32 20, i32 21, i32 22, i32 23, i32 24, i32 25, i32 26, i32 27, i32 28, i32 29, i32 30, i32 31>, %v122
  %v124 = add i64 %v30, %v55
  %v125 = sub i64 %v36, %v124
  %v126 = icmp slt i64 %v125, 32
  %v127 = select i1 %v126, i64 %v125, i64 32
  %v128 = icmp sgt i64 %v127, 0
  %v129 = select i1 %v128, i64 %v127, i64 0
  %v130 = trunc i64 %v129 to i32
  %v131 = insertelement <32 x i32> poison, i32 %v130, i64 0
  %v132 = shufflevector <32 x i32> %v131, <32 x i32> poison, <32 x i32> zeroinitializer
  %v133 = icmp slt <32 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15, i32 16, i32 17, i32 18, i32 19, i32 20, i32 21, i32 22, i32 23, i32 24, i32 25, i32 26, i32 27, i32 28, i32 29, i32 30, i32 31>, %v132
  %v134 = sub i64 0, %v124
  %v135 = icmp slt i64 %v134, 32
  %v136 = select i1 %v135, i64 %v134, i64 32
  %v137 = icmp sgt i64 %v136, 0
  %v138 = select i1 %v137, i64 %v136, i64 0
  %v139 = trunc i64 %v138 to i32
  %v140 = insertelement <32 x i32> poison, i32 %v139, i64 0
  %v141 = shufflevector <32 x i32> %v140, <32 x i32> poison, <32 x i32> zeroinitializer
  %v142 = icmp sge <32 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15, i32 16, i32 17, i32 18, i32 19, i32 20, i32 21, i32 22, i32 23, i32 24, i32 25, i32 26, i32 27, i32 28, i32 29, i32 30, i32 31>, %v141
  %v143 = and <32 x i1> %v133, %v142
  %v144 = and <32 x i1> %v123, %v143
  %v145 = add i64 %v30, %v55
  %v146 = call i1 @llvm.vector.reduce.or.v32i1(<32 x i1> %v143)
  %v147 = getelementptr float, ptr %v16, i64 %v145
  %v148 = select i1 %v146, ptr %v147, ptr %v16
  %v149 = call <32 x float> @llvm.masked.load.v32f32.p0(ptr %v148, i32 4, <32 x i1> %v144, <32 x float> zeroinitializer)
  %v150 = add i64 %v32, %v55
  %v151 = sub i64 %v38, %v150
  %v152 = icmp slt i64 %v151, 32
  %v153 = select i1 %v152, i64 %v151, i64 32
  %v154 = icmp sgt i64 %v153, 0
  %v155 = select i1 %v154, i64 %v153, i64 0
  %v156 = trunc i64 %v155 to i32
  %v157 = insertelement <32 x i32> poison, i32 %v156, i64 0
  %v158 = shufflevector <32 x i32> %v157, <32 x i32> poison, <32 x i32> zeroinitializer
  %v159 = icmp slt <32 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15, i32 16, i32 17, i32 18, i32 19, i32 20, i32 21, i32 22, i32 23, i32 24, i32 25, i32 26, i32 27, i32 28, i32 29, i32 30, i32 31>, %v158
  %v160 = sub i64 0, %v150
  %v161 = icmp slt i64 %v160, 32
  %v162 = select i1 %v161, i64 %v160, i64 32
  %v163 = icmp sgt i64 %v162, 0
  %v164 = select i1 %v163, i64 %v162, i64 0
  %v165 = trunc i64 %v164 to i32
  %v166 = insertelement <32 x i32> poison, i32 %v165, i64 0
  %v167 = shufflevector <32 x i32> %v166, <32 x i32> poison, <32 x i32> zeroinitializer
  %v168 = icmp sge <32 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15, i32 16, i32 17, i32 18, i32 19, i32 20, i32 21, i32 22, i32 23, i32 24, i32 25, i32 26, i32 27, i32 28, i32 29, i32 30, i32 31>, %v167
  %v169 = and <32 x i1> %v159, %v168
  %v170 = and <32 x i1> %v123, %v169
  %v171 = add i64 %v32, %v55
  %v172 = call i1 @llvm.vector.reduce.or.v32i1(<32 x i1> %v169)
  %v173 = getelementptr float, ptr %v20, i64 %v171
  %v174 = select i1 %v172, ptr %v173, ptr %v20
  %v175 = call <32 x float> @llvm.masked.load.v32f32.p0(ptr %v174, i32 4, <32 x i1> %v170, <32 x float> zeroinitializer)
  %v176 = select <32 x i1> %v169, <32 x float> %v175, <32 x float> %v149
  %v177 = add i64 %v32, %v55
  %v178 = getelementptr float, ptr %v24, i64 %v177
  %v179 = call <32 x float> @llvm.masked.load.v32f32.p0(ptr %v178, i32 4, <32 x i1> %v123, <32 x float> zeroinitializer)
  %v180 = fmul <32 x float> %v176, %v179
  %v181 = add i64 %v34, %v55
  %v182 = getelementptr float, ptr %v28, i64 %v181
  call void @llvm.masked.store.v32f32.p0(<32 x float> %v180, ptr %v182, i32 4, <32 x i1> %v123)
  br label %end7
end7:
  %v183 = add i64 %p47, 1
  %v184 = add i64 %p48, 1
  %v185 = icmp eq i64 %v184, %v6
  %v186 = select i1 %v185, i64 0, i64 %v184
  %v187 = icmp slt i64 %v183, %v42
  %v188 = call i64 asm "", "=r,0"(i64 %v183)
  %v189 = call i64 asm "", "=r,0"(i64 %v186)
  br i1 %v187, label %unit1, label %finished2
finished2:
  ret void
}
!0 = !{}
